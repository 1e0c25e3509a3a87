"""Curation: rules, as data, for what does not belong in text to train on, and what to do about it."""

from ysnakes_core.synthesis.curation.checking import check
from ysnakes_core.synthesis.curation.cleaning import Curated, cleaned, curated
from ysnakes_core.synthesis.curation.flags import Action, Flag
from ysnakes_core.synthesis.curation.rule_files import load_rules, own_rules_folder, shipped_rules
from ysnakes_core.synthesis.curation.rules import Rule, Rules

__all__ = [
    "Action",
    "Curated",
    "Flag",
    "Rule",
    "Rules",
    "check",
    "cleaned",
    "curated",
    "load_rules",
    "own_rules_folder",
    "shipped_rules",
]
