"""A run of segments: search, fit, hold against the version before, judge, describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import optuna

from configs.schema import Config
from features.enough import clustered
from features.source import Tables
from training import champion, tune
from training.facts import Origin
from training.gate import judge_segments
from training.model import Task
from training.progress import Reporter
from training.registration import Result
from training.search import study_place
from training.segmentation import behaviour, earlier, segments
from training.segmentation import card as segment_card
from training.segmentation.segments import SegmentData


def segment(
    config: Config, tables: Tables, task: Task, origin: Origin, reporter: Reporter
) -> Result:
    """Choose, fit, name and judge segments."""
    data = segments.data_at(config, tables)
    previous = champion.before(config)
    was = earlier.settings(previous)
    study = _clustered(config, task, origin, data, reporter, was)
    trial = behaviour.settled(study, was) if study else None
    chosen = trial.params if trial else {}
    found = segments.fit(config, data, chosen, previous)
    quality = behaviour.quality_of(trial) if trial else None
    verdict = judge_segments(quality, next(iter(clustered(config).values()), None))
    reporter.say("segments: what sets each apart")
    described = segment_card.described(config, data, found)
    told = segment_card.facts(
        config, data, found, described, quality, verdict, study, chosen, origin
    )
    return Result(
        model=found.model,
        verdict=verdict,
        facts=told,
        figures=segment_card.figures(config, data, found, described, study, chosen),
        matrix=data.matrix,
        metrics=(asdict(quality) if quality else {}) | verdict.figures,
        settings={**chosen, **{f"{way}.next_id": n for way, n in found.next_ids.items()}},
        study=study,
        metric=segment_card.metric(found, quality),
        predictions=segments.members(data, found.model),
        cutoffs=told["cutoffs"],
        learned_from=data.frame["customer_id"].tolist(),
    )


def _clustered(
    config: Config,
    task: Task,
    origin: Origin,
    data: SegmentData,
    reporter: Reporter,
    was: Mapping[str, Any],
) -> optuna.Study | None:
    """Search how to cluster customers by behaviour, where the config asks for it.

    How they were clustered before is tried first.
    """
    for way in clustered(config).values():
        customers = segments.behaved(config, data, way)
        options = behaviour.choices(way, customers)
        return tune.search_all(
            study_place(config, task, origin, data.schema, behaviour),
            behaviour.objective(way, customers, config.seed),
            options=options,
            budget=tune.Budget.of(config.tuning, options),
            seed=config.seed,
            reporter=reporter,
            label="segments: tuning",
            first=was,
        )
    return None
