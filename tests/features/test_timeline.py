"""Cut-offs and windows: days in, days out, and no label window on both sides of a split."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.schema import Timeline
from features.timeline import HistoryError, cut_offs, instant, label_window

COPENHAGEN = "Europe/Copenhagen"
FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)


def make_timeline(**changes) -> Timeline:
    held = {"every": "28d", "cutoffs": 3, "history": "90d", "gap": "0d"}
    return Timeline.model_validate({**held, **changes})


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        (date(2024, 1, 1), datetime(2023, 12, 31, 23, tzinfo=UTC)),
        (date(2024, 3, 31), datetime(2024, 3, 30, 23, tzinfo=UTC)),  # clocks go forward at two
        (date(2024, 4, 1), datetime(2024, 3, 31, 22, tzinfo=UTC)),
        (date(2024, 10, 27), datetime(2024, 10, 26, 22, tzinfo=UTC)),  # and back at three
        (date(2024, 10, 28), datetime(2024, 10, 27, 23, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_local_midnight(day, hour):
    assert instant(day, COPENHAGEN) == hour


def test_the_days_on_which_clocks_change_have_23_and_25_hours():
    spring, autumn = date(2024, 3, 31), date(2024, 10, 27)
    lengths = [
        instant(day + timedelta(days=1), COPENHAGEN) - instant(day, COPENHAGEN)
        for day in (spring, autumn)
    ]
    assert lengths == [timedelta(hours=23), timedelta(hours=25)]


def test_the_label_window_begins_after_the_gap():
    assert label_window(date(2024, 1, 1), 7, 30) == (date(2024, 1, 8), date(2024, 2, 7))


def test_cut_offs_are_laid_back_from_the_last_day():
    cuts = cut_offs(make_timeline(), 28, FIRST, LAST)
    assert cuts.test == date(2024, 12, 4)  # its window ends with the last day
    assert cuts.fit == (date(2024, 9, 11), date(2024, 10, 9), date(2024, 11, 6))
    assert cuts.validation == date(2024, 11, 6)
    assert cuts.tune == (date(2024, 9, 11), date(2024, 10, 9))


def test_the_gap_keeps_cut_offs_further_apart():
    cuts = cut_offs(make_timeline(gap="7d"), 28, FIRST, LAST)
    assert cuts.test == date(2024, 11, 27)
    assert cuts.fit[-1] == date(2024, 10, 23)
    assert cuts.tune == (date(2024, 8, 28),)


def test_a_named_test_cut_off_is_kept():
    cuts = cut_offs(make_timeline(test="2024-08-01"), 28, FIRST, LAST)
    assert (cuts.test, cuts.validation) == (date(2024, 8, 1), date(2024, 7, 4))


def test_a_cut_off_needs_its_history():
    cuts = cut_offs(make_timeline(cutoffs=200, every="7d"), 28, FIRST, LAST)
    assert cuts.fit[0] == date(2024, 4, 3)  # the first of the steps with 90 days before it
    assert len(cuts.fit) == 32


@given(
    gap=st.integers(0, 40),
    horizon=st.integers(1, 200),
    every=st.integers(1, 90),
    cutoffs=st.integers(2, 40),
    history=st.integers(1, 200),
    days=st.integers(1, 1500),
    reported=st.integers(1, 6),
)
def test_no_label_window_stands_on_both_sides_of_a_split(
    gap, horizon, every, cutoffs, history, days, reported
):
    timeline = make_timeline(
        gap=f"{gap}d",
        every=f"{every}d",
        cutoffs=cutoffs,
        history=f"{history}d",
        reported=reported,
    )
    last = FIRST + timedelta(days=days)
    try:
        cuts = cut_offs(timeline, horizon, FIRST, last)
    except HistoryError:
        return
    ends = {day: label_window(day, gap, horizon)[1] for day in (*cuts.fit, *cuts.tests)}
    assert max(ends[day] for day in cuts.fit) <= cuts.test
    for train, later in cuts.origins:
        assert max(ends[day] for day in train) <= later
        assert set(train) < set(cuts.fit)
    assert cuts.origins[-1] == (cuts.tune, cuts.validation)
    assert ends[cuts.tests[-1]] <= last + timedelta(days=1)
    assert min(cuts.fit) - FIRST >= timedelta(days=history)
    assert list(cuts.fit) == sorted(set(cuts.fit))


@given(
    horizon=st.integers(1, 120),
    every=st.integers(1, 60),
    cutoffs=st.integers(2, 12),
    history=st.integers(1, 120),
)
def test_the_history_that_an_error_asks_for_is_enough_and_no_day_less_is(
    horizon, every, cutoffs, history
):
    timeline = make_timeline(every=f"{every}d", cutoffs=cutoffs, history=f"{history}d")
    with pytest.raises(HistoryError) as caught:
        cut_offs(timeline, horizon, FIRST, FIRST + timedelta(days=horizon))
    words = str(caught.value)
    if "set timeline.cutoffs to " in words:
        asked = int(words.split("set timeline.cutoffs to ")[1].split(" ")[0])
        timeline = make_timeline(every=f"{every}d", cutoffs=asked, history=f"{history}d")
        with pytest.raises(HistoryError) as caught:
            cut_offs(timeline, horizon, FIRST, FIRST + timedelta(days=horizon))
        words = str(caught.value)
    needed = int(words.split("needs ")[1].split("d ")[0])
    assert cut_offs(timeline, horizon, FIRST, FIRST + timedelta(days=needed - 1)).tune
    with pytest.raises(HistoryError):
        cut_offs(timeline, horizon, FIRST, FIRST + timedelta(days=needed - 2))


def test_too_short_a_history_is_told_in_days():
    with pytest.raises(HistoryError) as caught:
        cut_offs(make_timeline(), 28, FIRST, date(2024, 5, 1))
    assert str(caught.value) == (
        "a horizon of 28d needs 174d of history before the end of the test window (90d to look "
        "back on, then three label windows that do not overlap: train, tune, test), but there are "
        "122d; shorten the horizon or timeline.history, or bring more history"
    )


def test_cut_offs_that_do_not_reach_back_are_told_apart_from_too_short_a_history():
    with pytest.raises(HistoryError) as caught:
        cut_offs(make_timeline(cutoffs=2), 90, FIRST, date(2034, 1, 1))
    assert "set timeline.cutoffs to 5 or more" in str(caught.value)


def test_a_test_cut_off_whose_window_has_not_ended_is_refused():
    with pytest.raises(HistoryError) as caught:
        cut_offs(make_timeline(test="2024-12-05"), 28, FIRST, LAST)
    assert "ends 2025-01-02; name a timeline.test of 2024-12-04 or earlier" in str(caught.value)


def test_settings_are_tried_on_rolling_origins_apart_from_what_trains_for_them():
    cuts = cut_offs(make_timeline(cutoffs=8, every="14d"), 28, FIRST, LAST)
    fit = cuts.fit
    assert len(fit) == 8
    # The cut-off a fortnight before the one that tunes is left out: its window reaches past it.
    assert cuts.origins == ((fit[:4], fit[5]), (fit[:5], fit[6]), (fit[:6], fit[7]))


def test_an_origin_that_nothing_trains_for_is_none():
    cuts = cut_offs(make_timeline(cutoffs=2), 28, FIRST, LAST)
    assert cuts.origins == ((cuts.fit[:1], cuts.fit[1]),)


def test_several_cut_offs_are_reported_on_and_none_of_them_is_learned_from():
    cuts = cut_offs(make_timeline(reported=3, every="14d", cutoffs=4), 28, FIRST, LAST)
    assert cuts.tests == (date(2024, 11, 6), date(2024, 11, 20), date(2024, 12, 4))
    assert cuts.test == date(2024, 11, 6)
    assert cuts.fit[-1] == date(2024, 10, 9)  # its window ends as the first that is reported begins


def test_a_cut_off_before_the_first_day_is_not_reported_on():
    timeline = make_timeline(reported=24, every="30d", cutoffs=2, history="1d")
    with pytest.raises(HistoryError, match="but there are"):
        cut_offs(timeline, 28, FIRST, date(2024, 6, 1))
    alone = make_timeline(cutoffs=2, history="1d", every="30d")
    assert len(cut_offs(alone, 28, FIRST, date(2024, 6, 1)).tests) == 1


def test_a_shorter_training_horizon_lets_a_short_history_be_learned_from():
    last = FIRST + timedelta(days=239)  # 40 days to look back on, and twice the horizon of 100
    timeline = make_timeline(cutoffs=20, every="5d", history="40d")
    with pytest.raises(HistoryError):
        cut_offs(timeline, 100, FIRST, last)
    cuts = cut_offs(timeline, 100, FIRST, last, training_horizon=50)
    assert cuts.test == FIRST + timedelta(days=140)
    assert cuts.fit[-1] == cuts.test - timedelta(days=50)
    assert cuts.fit[0] - FIRST >= timedelta(days=40)
    assert cuts.span == timedelta(days=50)


def test_the_data_end_where_the_config_says_that_they_do():
    assert cut_offs(make_timeline(last="2024-12-24"), 28, FIRST, LAST).test == date(2024, 11, 27)
    assert cut_offs(make_timeline(last="2025-01-07"), 28, FIRST, LAST).test == date(2024, 12, 11)
