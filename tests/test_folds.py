"""Splits into rows to train on and to test on: what each promises, scikit-learn's where it has the same, and messages."""

import numpy as np
import pytest
from sklearn import model_selection

import jgd
from jgd import folds
from jgd.experiments._given_folds import as_folds, check_parts

LABELS = np.repeat([0, 1, 2], [50, 30, 7])
GROUPS = np.repeat(np.arange(20), np.arange(1, 21))[:87]
PARTITIONS = {
    "k_fold": (folds.k_fold(5), 5),
    "in stretches": (folds.k_fold(5, shuffle=False), 5),
    "stratified": (folds.stratified(5), 5),
    "grouped": (folds.grouped(GROUPS, 4), 4),
    "each group": (folds.grouped(GROUPS), len(set(GROUPS))),
    "leave_one_out": (folds.leave_one_out(), 87),
}


@pytest.mark.parametrize("name", PARTITIONS)
def test_every_row_is_tested_once_and_trained_on_otherwise(name):
    splitter, count = PARTITIONS[name]
    pairs = splitter.pairs(87, LABELS, key=1)
    assert len(pairs) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in pairs])), np.arange(87))
    for train, test in pairs:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(87))
    weight = np.arange(87.0)
    made = splitter.folds(87, LABELS, 1).weights(slice(0, 3), weight)
    for row, (train, test) in zip(made, pairs, strict=False):
        assert (row[train] == weight[train]).all()
        assert (row[test] == 0).all()


def test_the_key_decides_and_sizes_differ_by_one_at_most():
    of = lambda key: [test.tolist() for _, test in folds.k_fold(5).pairs(87, key=key)]
    assert of(1) == of(1) != of(2)
    assert sorted(map(len, of(1))) == [17, 17, 17, 18, 18]
    assert [test.tolist() for _, test in folds.k_fold(4, shuffle=False).pairs(10)] == [
        test.tolist() for _, test in model_selection.KFold(4).split(np.zeros(10))
    ]


def test_stratified_parts_have_their_share_of_each_class():
    for labels in (LABELS, np.array(["a", "b", "c"])[LABELS]):
        for _, test in folds.stratified(5).pairs(87, labels):
            counts = np.unique(labels[test], return_counts=True)[1]
            assert (np.abs(counts - np.array([10, 6, 1.4])) < 1).all()


def test_groups_stay_together_and_parts_are_as_even_as_scikit_learns():
    rng = np.random.default_rng(0)
    for groups in (GROUPS, np.array([f"g{i}" for i in rng.permutation(GROUPS)])):
        pairs = folds.grouped(groups, 4).pairs(87)
        assert not any(set(groups[train]) & set(groups[test]) for train, test in pairs)
        theirs = [len(test) for _, test in model_selection.GroupKFold(4).split(groups, groups=groups)]
        assert sorted(len(test) for _, test in pairs) == sorted(theirs)


def test_repeated_folds_are_other_partitions_each_time():
    pairs = folds.repeated(5, times=3).pairs(87, LABELS)
    tests = [test for _, test in pairs]
    for time in range(3):
        np.testing.assert_array_equal(np.sort(np.concatenate(tests[5 * time : 5 * time + 5])), np.arange(87))
        assert all(1 <= np.sum(LABELS[test] == 2) <= 2 for test in tests[5 * time : 5 * time + 5])
    assert len({tuple(test) for test in tests}) == 15
    stretches = folds.repeated(folds.time_ordered(2), times=2).pairs(9)
    assert [len(train) for train, _ in stretches] == [3, 6, 3, 6]


@pytest.mark.parametrize("options", [{}, {"test_size": 3}, {"gap": 4}, {"test_size": 5, "gap": 2}])
def test_time_ordered_folds_are_scikit_learns(options):
    theirs = model_selection.TimeSeriesSplit(4, **options).split(np.zeros(43))
    for (train, test), (their_train, their_test) in zip(folds.time_ordered(4, **options).pairs(43), theirs, strict=True):
        np.testing.assert_array_equal(train, their_train)
        np.testing.assert_array_equal(test, their_test)


def test_a_number_scikit_learns_splitters_and_pairs_are_taken():
    assert all(np.isin([0, 1, 2], LABELS[test]).all() for test in as_folds(5, 87, LABELS, 0).tests)
    assert len(as_folds(5, 87, None, 0)) == 5
    theirs = model_selection.StratifiedKFold(3)
    found = as_folds(theirs, 87, LABELS, 0)
    for fold, (train, test) in enumerate(theirs.split(np.zeros(87), LABELS)):
        np.testing.assert_array_equal(found.train(fold), train)
        np.testing.assert_array_equal(found.tests[fold], test)
    again = as_folds([(np.arange(87) < 80, [80, 81]), ([5, 5, 6], range(7, 9))], 87, None, 0)
    assert again.weights(slice(1, 2), np.full(87, 2.0))[0, [5, 6, 7]].tolist() == [4.0, 2.0, 0.0]
    assert not again.is_partition
    assert as_folds(2, 87, None, 0).is_partition


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: as_folds(5, 3, None, 0), "5 folds need at least 5 rows, found 3"),
        (lambda: as_folds(1, 3, None, 0), "folds must be at least 2, found 1"),
        (lambda: as_folds("five", 3, None, 0), "folds must be a whole number, one of jgd.folds, .* found 'five'"),
        (lambda: as_folds([], 3, None, 0), "folds is empty"),
        (lambda: as_folds([0], 3, None, 0), r"fold 0 must be a pair \(train, test\) of rows, found 0"),
        (lambda: as_folds([([0, 1], [1])], 3, None, 0), r"fold 0 trains on 1 of the rows it tests \(such as 1\)"),
        (lambda: as_folds([([0], [])], 3, None, 0), "fold 0 tests no rows"),
        (lambda: as_folds([([0], [3])], 3, None, 0), "fold 0 tests row 3, but the data has rows 0 to 2"),
        (lambda: as_folds([([0.5], [2])], 3, None, 0), "fold 0 trains on rows that are no list of whole numbers"),
        (lambda: as_folds(folds.stratified(2), 3, None, 0), "stratified folds need classes, and this problem has none"),
        (lambda: folds.grouped([1, 2, 2], 3), "3 folds need at least 3 groups, found 2"),
        (lambda: folds.grouped([1, 1, 1]), "2 folds need at least 2 groups, found 1"),
        (lambda: folds.grouped([1, np.nan, 2]), "groups has 1 missing values"),
        (lambda: folds.grouped(["a", None, "b"]), "groups has 1 missing values"),
        (lambda: folds.grouped([[1], [2]]), r"groups must have one dimension, .* found shape \(2, 1\)"),
        (lambda: as_folds(folds.grouped([1, 2]), 3, None, 0), "groups has 2 rows, the data 3"),
        (lambda: as_folds(folds.time_ordered(3), 3, None, 0), "3 time-ordered folds of 1 rows leave none of 3"),
        (lambda: as_folds(folds.time_ordered(3, gap=5), 9, None, 0), "leave none of 9 .* with a gap of 5"),
        (lambda: as_folds(folds.leave_one_out(), 1, None, 0), "2 folds need at least 2 rows, found 1"),
        (lambda: folds.repeated(5, times=0), "times must be at least 1, found 0"),
    ],
)
def test_messages(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_parts_that_are_nothing_to_train_on_are_refused():
    pair = as_folds([([0, 1], [2, 3])], 4, None, 0)
    with pytest.raises(ValueError, match="every row that fold 0 is trained on has the weight 0"):
        check_parts(pair, np.array([0, 0, 1, 1.0]), None, None)
    with pytest.raises(ValueError, match="every row that fold 0 is tested has the weight 0"):
        check_parts(pair, np.array([1, 0, 0, 0.0]), None, None)
    with pytest.raises(ValueError, match=r"no row of class 'rare' is left for fold 0 to be trained on: .* so few rows \(1\)"):
        check_parts(folds.leave_one_out().folds(4, None, 0), None, np.array([1, 0, 0, 0]), ("usual", "rare"))
    check_parts(folds.leave_one_out().folds(4, None, 0), None, np.array([1, 0, 1, 0]), ("usual", "rare"))


def test_what_it_prints():
    assert repr(folds.repeated(folds.stratified(5), times=2)) == "folds.repeated(folds.stratified(5), times=2)"
    assert repr(folds.grouped([1, 2, 2], 2)) == "folds.grouped(2 groups, 2)"
    assert repr(folds.time_ordered(5, gap=3)) == "folds.time_ordered(5, gap=3)"
    assert jgd.folds is folds
