import json

import numpy as np
import pytest

from rankpipe.data import scaler as scaler_module
from rankpipe.data.scaler import NumericSummary, Scaler

NAN = np.nan


def fitted(columns: list[list[float]], kinds: list[str], fill="median", quantiles=5, clip=True, block=2) -> Scaler:
    x = np.array(columns, np.float32).T
    summary = NumericSummary(x.shape[1], len(x))
    for start in range(0, len(x), block):
        summary.add(x[start:start + block])
    return summary.scaler(kinds, fill, quantiles, clip)


def scaled(scaler: Scaler, *values: float) -> list[float]:
    return scaler(np.array(values, np.float32)[:, None])[:, 0].tolist()


def test_minmax_by_hand():
    scaler = fitted([[2, 4, 10]], ["minmax"])
    assert scaled(scaler, 2, 4, 10) == [0, 0.25, 1]
    assert scaled(scaler, -5, 99) == [0, 1]
    assert scaled(fitted([[2, 4, 10]], ["minmax"], clip=False), -6, 18) == [-1, 2]


def test_standard_by_hand():
    scaler = fitted([[1, 3, 5, 7]], ["standard"])  # mean 4, variance 5
    assert scaled(scaler, 4, 4 + 5**0.5, 99) == pytest.approx([0, 1, 95 / 5**0.5])


def test_quantile_by_hand():
    scaler = fitted([[0, 1, 2, 3, 100]], ["quantile"])  # knots 0 1 2 3 100 at −1 −½ 0 ½ 1
    assert scaled(scaler, 0, 1, 2.5, 100) == [-1, -0.5, 0.25, 1]
    assert scaled(scaler, -7, 5000) == [-1, 1]
    outside = fitted([[0, 1, 2, 3, 100]], ["quantile"], clip=False)
    assert scaled(outside, -1, 197) == [-1.5, 1.5]


def test_equal_quantiles_share_the_middle_of_their_levels():
    scaler = fitted([[0, 0, 0, 4, 8]], ["quantile"])  # 0 holds levels −1, −½ and 0
    assert scaled(scaler, 0, 4, 8) == [-0.5, 0.5, 1]


@pytest.mark.parametrize("kind", scaler_module.KINDS[:3])
def test_a_constant_column_becomes_nothing(kind):
    scaler = fitted([[0.1] * 7], [kind])
    assert scaled(scaler, 0.1, NAN) == [0, 0]


def test_missing_takes_the_median_and_a_flag_where_train_had_one():
    scaler = fitted([[1, 2, 9, NAN], [5, 6, 7, 8]], ["none", "none"])
    assert scaler.flags == [0]
    out = scaler(np.array([[NAN, NAN], [3, np.inf]], np.float32))
    assert out.tolist() == [[2, 6.5, 1], [3, 6.5, 0]]
    assert fitted([[1, 2, 9, NAN]], ["none"], fill="mean")(np.array([[NAN]], np.float32)).tolist() == [[4, 1]]


def test_a_column_that_is_missing_everywhere_stays_finite():
    for kind in scaler_module.KINDS:
        assert fitted([[NAN, NAN, NAN]], [kind])(np.array([[NAN], [3]], np.float32))[:, 1].tolist() == [1, 0]


def test_blocks_make_no_difference():
    rng = np.random.default_rng(1)
    x = rng.lognormal(6, 2, 1001)
    x[::9] = NAN
    for kind in scaler_module.KINDS:
        parts, whole = (fitted([x], [kind], block=b, quantiles=50)(x[:, None].astype(np.float32)) for b in (7, 2000))
        np.testing.assert_allclose(parts, whole, rtol=1e-6, atol=1e-6)


def test_moments_keep_their_digits_far_from_zero():
    rng = np.random.default_rng(2)
    x = (1e6 + rng.integers(0, 3, 50_000)).astype(np.float32)
    column = fitted([x], ["standard"], block=999).columns[0]
    assert column.shift == pytest.approx(x.astype(np.float64).mean(), abs=1e-6)
    assert column.width == pytest.approx(x.astype(np.float64).std(), rel=1e-9)


def test_the_sample_is_bounded_and_spans_all_rows(monkeypatch):
    monkeypatch.setattr(scaler_module, "SAMPLE_ROWS", 100)
    x = np.arange(10_050, dtype=np.float32)
    summary = NumericSummary(1, len(x))
    for start in range(0, len(x), 64):
        summary.add(x[start:start + 64, None])
    sample = np.concatenate(summary.sample)[:, 0]
    assert 95 <= len(sample) <= 100
    assert abs(np.median(sample) - 5025) < 150
    scaler = summary.scaler(["quantile"], "median", 11, True)
    assert scaled(scaler, 0, 10_049) == [-1, 1]  # the true range, though the sample missed its ends
    assert scaled(scaler, 5025)[0] == pytest.approx(0, abs=0.03)


def test_json_brings_back_the_same_scaler():
    scaler = fitted([[1, 2, 9, NAN], [5, 6, 7, 1 / 3]], ["quantile", "standard"])
    again = Scaler.from_json(json.loads(json.dumps(scaler.to_json())))
    x = np.array([[1.7, 2], [NAN, 6.1]], np.float32)
    np.testing.assert_array_equal(scaler(x), again(x))
