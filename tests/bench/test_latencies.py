"""What is said of the times of calls."""

from runlake.bench.latencies import Latencies


def test_quantiles_are_times_of_calls_without_the_timer() -> None:
    told = Latencies.of(range(1000, 11_000), timer_ns=1000)
    assert told.count == 10_000
    assert told.quantiles_ns == {"p50": 4999, "p99": 9899, "p99.9": 9989, "p99.99": 9998}
    assert told.worst_ns == 9999


def test_quantiles_that_so_few_calls_do_not_have_are_left_out() -> None:
    told = Latencies.of([5] * 99 + [7000])
    assert told.quantiles_ns == {"p50": 5, "p99": 5}
    assert told.worst_ns == 7000


def test_a_call_that_was_quicker_than_the_timer_took_nothing() -> None:
    told = Latencies.of([30, 50], timer_ns=40)
    assert (told.quantiles_ns, told.worst_ns) == ({"p50": 0}, 10)


def test_the_curve_goes_from_the_usual_call_to_the_rarest() -> None:
    curve = Latencies.of(range(100_000)).curve
    assert [rarity for rarity, _ in curve] == sorted(rarity for rarity, _ in curve)
    assert [ns for rarity, ns in curve if abs(rarity - 1000) < 1] == [99_899]
    assert curve[-1][0] == 100_000
