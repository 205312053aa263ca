"""The service under load: too much of it, for a while, and killed in its midst."""

import json
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from features.source import load_tables
from serving import settings
from serving.batch.fill import fill_store
from serving.releases.release import publish
from tests.benchmarks.load import Found, Load, put
from tests.benchmarks.soak.killed import faults, kill_under_load, missing
from tests.benchmarks.soak.memory import growth, watched
from tests.benchmarks.soak.overload import overload
from tests.benchmarks.soak.target import Target, alone
from tests.factories import AS_OF, make_bundles, make_config, make_features

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A promoted base with a filled store, its service running with MLflow and network away."""
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    release = publish(config.var, config.name, make_bundles(folder / "made", config))
    store = settings.open_store(config.var)
    fill_store(config, load_tables(config), release, AS_OF, store)
    store.close()
    target, told = Target(config, bodies(config)), folder / "alone.txt"
    with alone(told), target.running(folder / "service.log") as service:
        yield SimpleNamespace(target=target, service=service, told=told)


def bodies(config) -> list[bytes]:
    """Calls by id and by features, in turn."""
    table = make_features(config)
    ids, rows = table["customer_id"], table.drop(columns=["as_of", "customer_id"])
    found = []
    for customer, row in zip(ids, rows.to_dict("records"), strict=True):
        given = {name: None if value != value else value for name, value in row.items()}
        found.append({"customer_id": customer})
        found.append({"customer_id": customer, "as_of": str(AS_OF), "features": given})
    return [json.dumps({"customers": [asked]}).encode() for asked in found]


@pytest.fixture
def stalling():
    """A server that answers at once, but once takes 0.4 s."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
    thread.join(10)


def answer(listening) -> None:
    connection, _ = listening.accept()
    with connection:
        number = 0
        while connection.recv(65536):
            number += 1
            if number == 20:
                time.sleep(0.4)
            connection.sendall(ANSWER)


def test_a_call_is_timed_from_when_it_was_due_though_a_stall_kept_it_from_being_sent(stalling):
    found = put(Load(stalling, "/", [b"{}"], 1.0, rate=100.0))
    assert found.statuses == {200: 100}
    # The stall holds up the 40 calls that fall due in it: by 0.4 s, 0.39 s, ... and 0.01 s.
    late = [seconds for seconds in found.times[200] if seconds > 0.1]
    assert 28 <= len(late) <= 40
    assert found.ms(1.0) >= 400


def test_in_a_closed_loop_a_stall_holds_up_the_one_call_that_meets_it(stalling):
    found = put(Load(stalling, "/", [b"{}"], 0.7))
    assert sum(seconds > 0.3 for seconds in found.times[200]) == 1
    assert found.statuses[200] == found.asked
    assert found.asked_again == found.asked - 1


def test_a_quantile_is_a_time_that_a_call_took():
    # Of 200 calls of 1, 2, ... 200 ms half take at most 100 ms, 99 % at most 198 ms.
    found = Found(seconds=4.0, times={200: [number / 1000 for number in range(1, 201)], 429: [9.0]})
    assert (found.ms(0.5), found.ms(0.99), found.ms(0.999)) == pytest.approx((100, 198, 200))
    assert found.rate == 50


def test_memory_grows_from_its_first_sample_after_the_start_to_its_largest():
    # From 30 s on: 200 MB, then 203 at most, so 3 / 200; what came before does not count.
    samples = [(0.0, 100.0), (30.0, 200.0), (35.0, 203.0), (40.0, 201.0)]
    assert growth(samples, 30.0) == pytest.approx(0.015)


def test_under_load_every_call_is_answered_and_memory_stays_flat(shop):
    watched(shop.target, shop.service, 0.7, every=0.5)  # the first calls fill what is kept
    found, samples = watched(shop.target, shop.service, 1.5, every=0.25)
    assert set(found.statuses) == {200}
    assert not found.broken + found.unanswered
    assert growth(samples, 0.0) < 0.05


def test_three_times_what_it_can_carry_is_answered_200_or_429_alone(shop):
    found = overload(shop.target, shop.service, 0.8)
    assert set(found.usual.statuses) == {200}
    assert found.refused_alone, found.over.statuses


def test_what_was_answered_before_a_kill_under_load_is_on_record_and_nobody_was_asked(shop):
    # The last test: it ends the service.
    ids = kill_under_load(shop.target, shop.service, 0.8)
    assert ids
    assert not missing(shop.target, ids)
    assert not faults(shop.target)
    assert shop.told.read_text() == ""
