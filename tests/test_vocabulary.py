import numpy as np
import pytest

from rankpipe.data.vocabulary import DENSE, Counts, NumberLookup, Vocabulary, numbers_of_words
from rankpipe.errors import InputError


def counted(*blocks: list[int]) -> Counts:
    counts = Counts()
    for block in blocks:
        counts.add(np.array(block))
    return counts


def test_index_0_is_missing_then_by_count_then_by_value_then_unknown():
    vocabulary = Vocabulary.of_words({"b": 2, "a": 2, "c": 5, "10": 1, "9": 1})
    assert vocabulary.values == ("c", "a", "b", "10", "9")  # words by code point: "10" before "9"
    assert vocabulary.size == 7
    assert vocabulary.table(["a", "c", "never seen"]).tolist() == [2, 1, 6]


def test_whole_numbers_are_ordered_as_numbers():
    vocabulary = Vocabulary.of_numbers(counted([10, 9, 7, 7]))
    assert vocabulary.values == (7, 9, 10)
    assert NumberLookup(vocabulary)(np.array([10, 7, 8, 5000], np.uint16)).tolist() == [3, 1, 4, 4]


def test_min_count_drops_what_is_rarer():
    assert Vocabulary.of_words({"a": 3, "b": 2, "c": 1}, min_count=2).values == ("a", "b")
    assert Vocabulary.of_numbers(counted([1, 1, 2]), min_count=2).values == (1,)


def test_blocks_add_up_and_negative_codes_are_missing():
    once, blocks = counted([3, 1, 3, -1, 8]), counted([3], [1, 3, -1], [], [8])
    assert once.values.tolist() == blocks.values.tolist() == [1, 3, 8]
    assert once.counts.tolist() == blocks.counts.tolist() == [1, 2, 1]


def test_huge_numbers_take_no_table():
    large = [5, 2**31 - 1, 5, DENSE + 3]
    counts = counted(large[:2], large[2:])
    assert counts.counts.tolist() == [2, 1, 1]
    lookup = NumberLookup(Vocabulary.of_numbers(counts))
    assert lookup.table is None
    assert lookup(np.array([5, DENSE + 3, 2**31 - 1, 6, 2**31])).tolist() == [1, 2, 3, 4, 4]


def test_nothing_known_means_everything_is_unknown():
    vocabulary = Vocabulary.of_numbers(Counts())
    assert vocabulary.size == 2
    assert NumberLookup(vocabulary)(np.array([0, 7])).tolist() == [1, 1]
    assert Vocabulary.of_words({}).table(["a"]).tolist() == [1]


def test_words_join_whole_numbers_only_when_they_are_whole_numbers():
    assert numbers_of_words({"12": 2, "3": 1}, "ad").values.tolist() == [3, 12]
    assert Vocabulary((12, 3), whole=True).table(["3", "12", "x"]).tolist() == [2, 1, 3]
    with pytest.raises(InputError, match=r"column 'ad'.*'12\.0'.*items: text"):
        numbers_of_words({"12.0": 1}, "ad")
