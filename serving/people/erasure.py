"""A person forgotten: removed from every place, their key destroyed, and a receipt of it.

The order makes it whole whenever it is killed, once it is run again:

1. the person is marked, so that no load and no call brings them back from here on;
2. what is held is counted and noted, under the mark, so that the receipt is right though a first
   try removed some of it;
3. it is removed, place by place, each of which can be done twice;
4. the key is destroyed, and the erasure put on record, in one write.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from configs.schema import Config
from features.marks import Marks
from serving import settings
from serving.people import inventory, models
from serving.people.holding import Person
from serving.people.inventory import Inventory
from serving.people.keyring import Keyring
from serving.record.merkle import put, sync, temporary_beside
from serving.record.redaction import KIND
from serving.record.tokens import customer_token

FOLDER = "erasures"


@dataclass(frozen=True)
class Receipt:
    """What an erasure did; it names nobody.

    Parameters
    ----------
    entry : str
        Its entry in the record.
    base : str
    begun : str
        When it was first asked for.
    removed : dict of str to int
        How many rows, answers or scores were removed, by place; places with none are not told.
    rows : dict of str to list of int
        Which rows of batches on record are emptied.
    models : list of dict
        The models that learned from the person, or may have.
    done : str, optional
        When all of it was done.
    """

    entry: str
    base: str
    begun: str
    removed: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    done: str | None = None

    def lines(self) -> list[str]:
        """Return it in words, a line each."""
        held = [f"  {count:,} from {place}" for place, count in self.removed.items()]
        learned = [model for model in self.models if model["held"]]
        unknown = [model for model in self.models if model["held"] is None]
        return [
            f"erased from {self.base} at {self.done}; on record as {self.entry}",
            *(held or ["  nothing was held"]),
            *_of_models("learned from the customer, and keep what they learned", learned),
            *_of_models("kept no list of whom they learned from", unknown),
            "a mark is kept that stops the next load from bringing the customer back",
        ]


def _of_models(said: str, held: list[dict[str, Any]]) -> list[str]:
    if not held:
        return []
    return [f"models that {said}:", *(f"  {each['run']} ({each['bundle'][:12]}…)" for each in held)]


def person_of(config: Config, customer_id: str) -> Person:
    """Return a customer as the places of their base know them."""
    key = settings.open_secret(config.var)
    return Person(customer_id, customer_token(key, config.name, customer_id))


def erase(config: Config, customer_id: str, at: datetime) -> Receipt:
    """Forget a customer; once more, it finds what a restored backup or the like brought back.

    Parameters
    ----------
    config : Config
    customer_id : str
    at : datetime
        Now.

    Returns
    -------
    Receipt
        Of this erasure; of the one before, where nothing is left to erase.

    Raises
    ------
    StamkundeError
        If a place cannot be read or written: run it again once that is mended.
    """
    marks, person = Marks(config.var, config.name), person_of(config, customer_id)
    (mark,) = marks.of([customer_id])
    with _alone(config.var), inventory.opened(config) as held:
        marks.add(customer_id)
        file = config.var / FOLDER / f"{mark.hex()}.json"
        before = _read(file)
        found = _surveyed(config, held, person, mark, at)
        if before is not None and before.done is not None and not found.removed:
            return before
        receipt = _joined(found, before if before and before.done is None else None)
        _write(file, receipt)
        for place in held.holdings:
            place.remove(person)
        return _finished(config, held, person, receipt, at, file)


def _surveyed(
    config: Config, held: Inventory, person: Person, mark: bytes, at: datetime
) -> Receipt:
    """Return what is held of a person before it is removed."""
    counts = {place.name: len(place.held(person)) for place in held.holdings}
    return Receipt(
        f"erasure-{uuid4().hex}",
        config.name,
        at.isoformat(timespec="seconds"),
        {name: count for name, count in counts.items() if count},
        held.rows.places(person),
        [model.to_dict() for model in models.learned_from(config.var, mark)],
    )


def _joined(found: Receipt, before: Receipt | None) -> Receipt:
    """Return what this try and one that was cut off found together."""
    if before is None:
        return found
    names = sorted(before.removed.keys() | found.removed.keys())
    counts = {name: max(before.removed.get(name, 0), found.removed.get(name, 0)) for name in names}
    rows = {
        batch: sorted({*before.rows.get(batch, ()), *found.rows.get(batch, ())})
        for batch in sorted(before.rows.keys() | found.rows.keys())
    }
    return replace(before, removed=counts, rows=rows, models=found.models)


def _finished(
    config: Config,
    held: Inventory,
    person: Person,
    receipt: Receipt,
    at: datetime,
    file: Path,
) -> Receipt:
    """Destroy the key, put the erasure on record, and keep the receipt."""
    done = replace(receipt, done=at.isoformat(timespec="seconds"))
    body = {"removed": done.removed, "rows": done.rows, "models": done.models}
    keys: Keyring = settings.open_keyring(config.name, config.var)
    try:
        if not held.ledger.holds(done.entry):
            held.ledger.append(
                [(done.entry, KIND, body)],
                at,
                together_with=lambda connection: keys.destroy(connection, person.token),
            )
        held.ledger.scrub()
    finally:
        keys.close()
    _write(file, done)
    return done


def _read(file: Path) -> Receipt | None:
    try:
        return Receipt(**json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None


def _write(file: Path, receipt: Receipt) -> None:
    with temporary_beside(file) as part:
        part.write_text(json.dumps(vars(receipt), indent=1))
        sync(part)
        put(part, file)


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    """Have one erasure at a time."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / ".erasing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
