"""When something that a person wrote down must not wait, and the sentence that says so. No disease is ever named.

The signs are those for which the public is told to call an ambulance: sudden numbness or weakness of the face, sudden
trouble seeing, sudden dizziness, sudden severe headache (CDC, "Signs and Symptoms of Stroke"); sudden loss of hearing
is an emergency by the words of the NIDCD ("Sudden Deafness").
"""

from __future__ import annotations

import re

from detector.record.entries import JournalEntry

# Palos and others 2006, J Pain 7:49: adults call a pain severe from 7 of 10.
SEVERE = 7.0
CALL = "call the emergency number (112, 911, 999 ...) now, even if it passes"

FACE = f"Sudden weakness or drooping of the face, above all of one side, is an emergency: {CALL}."
NUMB = f"Sudden numbness of the face, an arm or a leg, above all of one side, is an emergency: {CALL}."
LID = f"An eye that suddenly cannot be closed is an emergency: {CALL}."
HEAD = f"A severe headache, above all one that comes suddenly, can be an emergency: {CALL}."
SIGHT = f"A change of vision, above all a sudden one, can be an emergency: {CALL}."
EAR = f"A change of hearing, above all a sudden one, can be an emergency: {CALL}."
DIZZY = f"Sudden dizziness or loss of balance is an emergency: {CALL}."

_WHEN_SUDDEN = {"numbness": NUMB, "eye_closure": LID, "dizziness": DIZZY}
_UNLESS_GRADUAL = {"weakness": FACE, "droop": FACE}
_ALWAYS = {"vision": SIGHT, "hearing": EAR}
# People put it into words as often as into options. A negation further off is passed over: better once too often.
_NOT = r"(?<!\bnot )(?<!\bno )"
_SUDDEN_WORDS = re.compile(rf"{_NOT}\b(?:sudden(?:ly)?|abrupt(?:ly)?|out of nowhere|thunderclap)\b", re.I)
_SEVERE_WORDS = re.compile(rf"{_NOT}\b(?:severe|worst|unbearable|excruciating|terrible)\b", re.I)


def urgent_sentence(entry: JournalEntry) -> str:
    """The one sentence to be said at once about this entry; empty when it can wait.

    Weakness and drooping count unless the person said that they came gradually: who is in haste gives no details.
    """
    if entry.value == 0.0:
        return ""  # 0 of 10: it was not there
    words = f"{entry.text} {entry.details.get('note', '')}"
    sudden = entry.details.get("sudden")
    if sudden is None and _SUDDEN_WORDS.search(words):
        sudden = True
    if entry.kind in _ALWAYS:
        return _ALWAYS[entry.kind]
    if entry.kind in _UNLESS_GRADUAL:
        return "" if sudden is False else _UNLESS_GRADUAL[entry.kind]
    if entry.kind == "headache":
        severe = bool(_SEVERE_WORDS.search(words)) if entry.value is None else entry.value >= SEVERE
        return HEAD if sudden or severe else ""
    return _WHEN_SUDDEN.get(entry.kind, "") if sudden else ""
