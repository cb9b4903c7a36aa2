"""What is kept and what is handed on: the episode log and the exports. Never imports ``face`` or ``frames``."""
