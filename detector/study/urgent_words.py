"""When something that a person wrote down must not wait, and the sentence that says so. No disease is ever named.

The signs are those for which the public is told to call an ambulance: sudden numbness or weakness of the face, sudden
trouble seeing, sudden dizziness, sudden severe headache (CDC, "Signs and Symptoms of Stroke"); sudden loss of hearing
is an emergency by the words of the NIDCD ("Sudden Deafness").
"""

from __future__ import annotations

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


def urgent_sentence(entry: JournalEntry) -> str:
    """The one sentence to be said at once about this entry; empty when it can wait.

    Weakness and drooping count unless the person said that they came gradually: who is in haste gives no details.
    """
    sudden = entry.details.get("sudden")
    if entry.kind in _ALWAYS:
        return _ALWAYS[entry.kind]
    if entry.kind in _UNLESS_GRADUAL:
        return "" if sudden is False else _UNLESS_GRADUAL[entry.kind]
    if entry.kind == "headache":
        severe = entry.value is not None and entry.value >= SEVERE
        return HEAD if sudden or severe else ""
    return _WHEN_SUDDEN.get(entry.kind, "") if sudden else ""
