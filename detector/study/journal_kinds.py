"""What can be written into the journal: every kind of entry with its unit, the amounts that can be true, and presets.

Ranges tell slips of the keyboard from what people do: they are wide on purpose, and no advice. Each figure of a preset
is that of a typical serving and carries its public source; a real cup may hold half or twice as much.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

Need = Literal["needed", "optional", "none"]

EFSA = "EFSA 2015, Scientific Opinion on the safety of caffeine"
MAYO = "Mayo Clinic, Caffeine content for coffee, tea, soda and more (after USDA FoodData Central)"
NIAAA = "NIAAA, What is a standard drink"
NHS_UNIT = "NHS, Alcohol units"
BENOWITZ = "Benowitz and Jacob 1984, Clin Pharmacol Ther 35:499: taken up of one"
SIDES = ("left", "right", "both")
CHANGES = ("started", "stopped", "dose", "taken")
QUALITY_LOW, QUALITY_HIGH = 1, 5  # as the stars people give: 1 very bad, 5 very good
DAYS_HIGH = 365.0


@dataclass(frozen=True, slots=True)
class Preset:
    """A serving by name."""

    name: str
    value: float  # in the kind's unit
    source: str
    serving: float | None = None  # how much one is, in ``serving_unit``
    serving_unit: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryKind:
    """One kind of entry.

    Attributes
    ----------
    name, label
        As it is typed and stored, and as it is shown.
    unit
        Of the stored value: ``mg``, ``g``, ``h``, ``min``, ``l``, ``days``, ``puffs``; ``0-10`` for a scale; empty
        without a value.
    low, high
        The smallest and largest value that is taken, inclusive.
    meaning
        What the entry says, for a column of explanations.
    group
        ``intake``, ``sleep``, ``strain``, ``medicine``, ``body``, ``care``, ``symptom``, ``note``, ``experiment``.
    amount, words
        Whether an amount, and a name or words, go with it.
    details
        Names of the further facts that it can carry in ``JournalEntry.details``; ``note`` goes with every kind.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    meaning: str
    group: str
    amount: Need = "needed"
    words: Need = "optional"
    presets: tuple[Preset, ...] = ()
    details: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    example: str = ""

    @property
    def is_scale(self) -> bool:
        """From 0, none, to 10, the worst that can be."""
        return self.unit == "0-10"


def _coffee(name: str, mg: float, ml: float, source: str, *aliases: str) -> Preset:
    return Preset(name, mg, source, ml, "ml", aliases)


_CAFFEINE = (
    _coffee("espresso", 80.0, 60.0, EFSA),
    _coffee("filter coffee", 90.0, 200.0, EFSA, "coffee", "brewed coffee", "drip coffee"),
    _coffee("instant coffee", 62.0, 237.0, MAYO),
    _coffee("decaf", 2.0, 237.0, MAYO, "decaf coffee", "decaffeinated coffee"),
    _coffee("black tea", 50.0, 220.0, EFSA, "tea"),
    _coffee("green tea", 28.0, 237.0, MAYO),
    _coffee("cola", 40.0, 355.0, EFSA, "coke"),
    _coffee("energy drink", 80.0, 250.0, EFSA),
    Preset("plain chocolate", 25.0, EFSA, 50.0, "g", ("dark chocolate",)),
    Preset("milk chocolate", 10.0, EFSA, 50.0, "g"),
)
_ALCOHOL = (
    Preset("standard drink", 14.0, NIAAA, aliases=("drink",)),
    Preset("beer", 14.0, NIAAA, 355.0, "ml"),  # 5 % by volume
    Preset("wine", 14.0, NIAAA, 148.0, "ml"),  # 12 %
    Preset("spirits", 14.0, NIAAA, 44.0, "ml", ("spirit", "liquor", "schnapps", "whisky", "whiskey", "vodka")),  # 40 %
    Preset("UK unit", 8.0, NHS_UNIT, aliases=("unit",)),
)
_NICOTINE = (Preset("cigarette", 1.0, BENOWITZ, aliases=("cig",)),)


def _severity(name: str, label: str, meaning: str, *aliases: str, symptom: bool = True) -> EntryKind:
    return EntryKind(
        name, label, "0-10", 0.0, 10.0, f"{meaning}; value: how bad, 0 to 10", "symptom" if symptom else "body",
        "optional", details=("side", "sudden") if symptom else (), aliases=aliases, example=f"{name} 4",
    )  # fmt: skip


_ALL = (
    EntryKind("caffeine", "caffeine", "mg", 0.0, 2000.0,  # FDA: 1200 mg taken at once is toxic already
              "caffeine taken", "intake", presets=_CAFFEINE, example="caffeine espresso"),
    EntryKind("nicotine", "nicotine", "mg", 0.0, 100.0,  # a day of 17 cigarettes: about 20 mg (Matta 2007)
              "nicotine taken up", "intake", presets=_NICOTINE, aliases=("smoking",),
              example='nicotine "3 cigarettes"'),
    EntryKind("alcohol", "alcohol", "g", 0.0, 400.0, "pure alcohol taken", "intake", presets=_ALCOHOL,
              example='alcohol "2 drinks"'),
    EntryKind("hydration", "hydration", "l", 0.0, 15.0, "drunk in all", "intake",
              aliases=("water", "fluids"), example="hydration 500ml"),
    EntryKind("sleep", "sleep", "h", 0.0, 24.0, "slept in the night before; the time is that of waking up, so that it "
              "belongs to the day that follows the night; details quality: 1 very bad to 5 very good", "sleep",
              details=("quality",), example="sleep 7h30 --quality 3"),
    EntryKind("stress", "stress", "0-10", 0.0, 10.0, "how strained, 0 not at all to 10 the worst", "strain",
              example="stress 6"),
    EntryKind("screen_time", "screen time", "h", 0.0, 24.0, "before a screen that day", "strain", aliases=("screen",),
              example="screen_time 5h"),
    EntryKind("exercise", "exercise", "min", 0.0, 1440.0, "moved so as to sweat", "strain",
              aliases=("sport", "workout"), example="exercise 30min"),
    EntryKind("medication", "medication", "mg", 0.0, 20000.0, "a medicine: text is its name, value one dose (empty: "
              "not told), details change: started, stopped, dose (from now on this dose) or taken", "medicine",
              "optional", "needed", details=("change",), aliases=("medicine", "med", "drug"),
              example="medication sertraline 50mg --started"),
    EntryKind("supplement", "supplement", "mg", 0.0, 50000.0, "a supplement, e.g. magnesium: text is its name, value "
              "one dose; details change as for medication", "medicine", "optional", "needed", details=("change",),
              example="supplement magnesium 300mg"),
    EntryKind("nasal_spray", "nasal spray", "puffs", 0.0, 40.0, "a nasal spray used: text is its name, value puffs",
              "medicine", "optional", aliases=("spray",), example='nasal_spray xylometazoline "2 puffs"'),
    _severity("allergy", "allergy", "signs of an allergy", "allergies", "hay_fever", symptom=False),
    _severity("cold", "cold", "a cold", symptom=False),
    _severity("nasal_irritation", "nasal irritation", "the nose itches, burns, runs or is blocked", "irritation",
              symptom=False),
    EntryKind("warm_compress", "warm compress", "min", 0.0, 240.0, "a warm compress on the place", "care", "optional",
              aliases=("compress",), example="warm_compress 10min"),
    EntryKind("relaxation", "relaxation", "min", 0.0, 600.0, "relaxation, breathing, meditation or massage done",
              "care", "optional", aliases=("relax", "meditation"), example="relaxation 15min"),
    _severity("weakness", "weakness", "a part of the face, or an arm or leg, is weak", "weak"),
    _severity("droop", "droop", "a part of the face hangs", "drooping"),
    _severity("numbness", "numbness", "a part of the face feels numb or tingles", "numb", "tingling"),
    _severity("headache", "headache", "headache"),
    _severity("vision", "vision change", "sight is blurred, double or lost", "sight"),
    _severity("hearing", "hearing change", "hearing is lost or changed, or an ear rings"),
    _severity("dizziness", "dizziness", "dizzy, or unsteady", "dizzy"),
    _severity("eye_closure", "trouble closing an eye", "one eye does not close, or not wholly"),
    _severity("sleep_twitch", "twitching in sleep", "someone saw it twitch in sleep"),
    _severity("spread", "spread", "twitching has come to another part of the face"),
    EntryKind("note", "note", "", 0.0, 0.0, "anything else, in words", "note", "none", "needed",
              example='note "slept badly"'),
    EntryKind("experiment", "experiment", "days", 1.0, DAYS_HIGH, "one thing changed for some days: text is what, "
              "value the days planned; it begins on the day of its time. Details baseline_days: days before it to "
              "compare with (empty: as many as planned, 14 to 28), stopped: the first day that no longer belongs to it",
              "experiment", "needed", "needed", details=("baseline_days", "stopped"),
              example='experiment start "no caffeine"'),
)  # fmt: skip
KINDS: dict[str, EntryKind] = {kind.name: kind for kind in _ALL}
SYMPTOMS: tuple[str, ...] = tuple(kind.name for kind in _ALL if kind.group == "symptom")
# what people type for a kind, and the words that it stands for besides
LONGEST = 4  # words of a kind: trouble closing an eye
ALIASES: dict[str, tuple[str, str]] = {
    **{alias: (kind.name, "") for kind in _ALL for alias in (kind.label.replace(" ", "_"), *kind.aliases)},
    "magnesium": ("supplement", "magnesium"),
}


def kind_named(said: str) -> tuple[EntryKind, str] | None:
    """The kind that is meant by ``said``, and the words that it stands for besides; None when there is none."""
    name = "_".join(said.casefold().replace("-", " ").replace("_", " ").split())
    if name in KINDS:
        return KINDS[name], ""
    if name in ALIASES:
        kind, words = ALIASES[name]
        return KINDS[kind], words
    return None


def nearest_kind(said: str) -> str:
    """What may have been meant by a kind that does not exist, as it would have to be typed; empty when nothing is near.

    ``espresso`` is ``caffeine espresso``, ``caffiene`` is ``caffeine``.
    """
    name = " ".join(said.casefold().replace("_", " ").replace("-", " ").split())
    for kind in _ALL:
        for preset in kind.presets:
            if name.removesuffix("s") in (preset.name.casefold(), *preset.aliases):
                return f"{kind.name} {preset.name}"
    near = difflib.get_close_matches(name.replace(" ", "_"), [*KINDS, *ALIASES], 1, 0.6)
    return ALIASES.get(near[0], (near[0], ""))[0] if near else ""
