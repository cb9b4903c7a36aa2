"""Errors a user can act on: one clear sentence each, and the exit code the command line ends with."""

from __future__ import annotations


class NasalisError(Exception):
    """Base; ``exit_code`` is 2 (wrong usage) unless a subclass says otherwise."""

    exit_code = 2


class UsageError(NasalisError):
    """The command or an argument cannot be used as given."""


class SourceError(NasalisError):
    """A clip, camera or stream cannot be read."""

    exit_code = 3


class ModelError(NasalisError):
    """The face model is missing or altered."""


class LogError(NasalisError):
    """The episode log cannot be opened, is newer than this program, or cannot be written."""


class LogBusyError(LogError):
    """The episode log is held by another program: worth waiting for."""


class OutputError(NasalisError):
    """A file cannot be written."""


class WorkerError(NasalisError):
    """The workers of a batch cannot be reached, or cannot work."""

    exit_code = 3
