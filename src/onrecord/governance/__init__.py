"""Prompts, standing profiles, legal bases, capture systems: the rules that hold over many conversations. Pure."""
