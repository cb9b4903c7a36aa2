"""Thousands of clips on several processes or machines: ``nasalis batch``."""
