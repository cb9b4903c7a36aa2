"""The report in a few lines for the screen, and as one JSON document."""

from __future__ import annotations

from detector.study import report_tables, report_words
from detector.study.report_data import ReportData
from detector.tables import as_json
from detector.terminal import plain

SIMULATED = "SIMULATED: nobody was filmed, every number here is made up."


def short_text(data: ReportData) -> str:
    """The sentence, the flags, the experiments and what would have been missed."""
    from detector.study.flag_rule import ALWAYS

    period = report_words.period(data)
    lines = [SIMULATED] if data.simulated else []
    lines += [f"{period}: {report_words.summary(data)}" if period else report_words.summary(data)]
    for flag in data.flags:
        lines += ["", f"{'URGENT: ' if flag.urgent else 'Show this: '}{flag.title}", f"  {flag.seen} {flag.advice}"]
    if data.experiments:
        lines += ["", "Experiments"]
        lines += [f"  {one.title}: {one.sentence}" for one in data.experiments]
        lines += [f"    {warning}" for one in data.experiments for warning in one.warnings]
    told = report_tables.triggers(data)
    if told is not None and told.told:
        lines += ["", "What went with it", *(f"  {sentence}" for sentence in told.told)]
    lines += ["", *(line for line in (report_words.false_alarms(data),) if line)]
    if data.history.runs:
        lines += [report_words.limit(data), *report_words.doubts(data)]
    lines += [ALWAYS]
    return "\n".join(plain(line) for line in lines) + "\n"


def document(data: ReportData) -> str:
    """Everything the page is made from, as JSON; unknown values are null."""
    return as_json(
        {
            "simulated": data.simulated,
            "name": data.name,
            "made": data.made,
            "zone": data.history.zone,
            "summary": report_words.summary(data),
            "observed_h": data.history.observed_h,
            "undated_observed_s": data.history.undated_s,
            "undated_episodes": data.history.undated_episodes,
            "doubled_observed_s": data.history.doubled_s,
            "rejected_episodes": data.history.rejected_episodes,
            "flags": data.flags,
            "rates": {
                "episodes": data.episodes,
                "twitches": data.twitches,
                "by_day": data.days,
                "by_week": data.weeks,
                "by_hour": data.hours,
                "by_side": data.sides,
                "by_region": data.regions,
                "by_kind": data.kinds,
            },
            "trends": {"rate": data.rate_trend, "strength": data.strength_trend},
            "experiments": data.experiments,
            "triggers": data.triggers,
            "detection_limit": data.limits,
            "detection_limit_by_day": data.day_limits,
            "average_twitch": [
                {
                    "side": one.side,
                    "region": one.region,
                    "twitches": one.count,
                    "quartiles_mm": one.quartiles_mm().tolist(),
                }
                for one in data.averages
            ],
            "felt_and_found": data.felt,
            "journal": [line.entry for line in data.history.journal],
            "quality": report_words.quality(data),
        }
    )
