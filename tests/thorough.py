"""`python -m tests.thorough`: the tests that take longest, which a run of all tests leaves to this command; on two processes.

Some of the battery it leaves to `python -m tests.battery`, which runs all of it. A file or a test that is named is run whole.
Further arguments go to pytest.
"""

import sys

import pytest

KINDS = ("linear", "outputs", "binary", "softmax")
SPLITTERS = ("grouped", "repeated", "scikit-learn", "time_ordered")

FLOATS = (
    "gd", "adamw", "lion", "clip_by_global_norm", "add_decayed_weights", "scale_by_learning_rate", "apply_if_finite", "masked",
    "MultiSteps", "named_chain",
)  # fmt: skip
RATES = (
    "exponential",
    "step",
    "linear",
    "poly",
    "piece",
    "inverse",
    "warmup_con",
    "warmup_lin",
    "warmup_exp",
    "one",
    "cyclic",
    "cosine_r",
)

# Beginnings of the names of what is left to the battery.
BATTERY = (
    *(f"tests/test_battery.py::test_every_float_by_itself[{name}-" for name in FLOATS),
    *(f"tests/test_battery.py::test_every_float_by_itself[{name}-bfloat16" for name in ("sgd", "adam", "chain")),
    *(f"tests/test_battery.py::test_a_schedule_in_an_optimizer_is_the_rate_of_each_step[{name}" for name in RATES),
    "tests/test_battery.py::test_every_knob_of_a_schedule_by_itself[float64",
    "tests/test_battery.py::test_schedules_equal_their_twins[float64",
)

# Beginnings of the names of the longest. Each has a sibling in every run that looks at the same thing more briefly.
THOROUGH = (
    *(f"tests/test_certificates.py::test_no_bound_is_ever_optimistic[{kind}-{seed}" for kind in KINDS for seed in (2, 3, 4)),
    "tests/test_condensed.py::test_lanes_on_condensed_rows_are_their_fits[float64",
    "tests/test_condensed.py::test_what_asks_for_the_rows_gets_them",
    "tests/test_configure.py::test_a_second_process_finds_every_program_in_the_cache",
    "tests/test_configure.py::test_the_cache_can_move_and_knows_small_loops",
    *(f"tests/test_cross_validation.py::test_each_fold_is_scikit_learns_fit_on_its_rows[softmax-{folds}" for folds in SPLITTERS),
    "tests/test_cross_validation.py::test_standardised_runs_are_runs_on_standardised_slices",
    "tests/test_cross_validation.py::test_standardising_is_crossed_with_settings[run]",
    "tests/test_cross_validation.py::test_with_an_optimizer_each_lane_takes_the_steps_of_a_fit_on_its_rows[1]",
    "tests/test_cross_validation.py::test_with_an_optimizer_each_lane_takes_the_steps_of_a_fit_on_its_rows[full]",
    "tests/test_diagnosis.py::test_a_learning_rate_beyond_the_threshold[float64",
    "tests/test_diagnosis.py::test_the_direction_separates_every_row[float64",
    "tests/test_lbfgs.py::test_a_search_takes_one_product_with_the_data",
    "tests/test_lbfgs.py::test_half_precision",
    "tests/test_main.py::test_demonstration",
    *(
        f"tests/test_models.py::test_ridge_reaches_its_closed_form[{case}"
        for case in ("None-False-True", "None-True-True", "2-True-False", "2-False-False")
    ),
    "tests/test_networks.py::test_batch_norm_and_dropout_equal_a_loop_written_by_hand",
    "tests/test_newton.py::test_lanes_are_their_fits[float64",
    *(f"tests/test_order.py::test_a_bijection_for_every_small_n[{first}]" for first in (26, 76, *range(101, 251, 25))),
    *(
        f"tests/test_order.py::test_batch_gradients_average_to_the_full_gradient[linear-{case}]"
        for case in ("1-False", "7-True", "32-False", "100-True")
    ),
    *(
        f"tests/test_order.py::test_batch_gradients_average_to_the_full_gradient[logistic-{case}]"
        for case in ("1-True", "7-False", "32-True", "100-False")
    ),
    "tests/test_prepare.py::test_nothing_of_the_users_is_kept_when_programs_are_dropped[metric]",
    "tests/test_problems.py::test_a_run_can_be_differentiated_in_what_its_loss_closes_over[float64",
    "tests/test_problems.py::test_an_ensemble_is_its_members_trained_alone[float64",
    "tests/test_problems.py::test_frozen_parameters_are_those_of_a_smaller_problem[float64",
    "tests/test_sweep.py::test_a_lane_is_the_single_fit[MultiSteps",
    "tests/test_sweep.py::test_a_lane_is_the_single_fit[adam-float64",
    "tests/test_sweep.py::test_a_whole_sweep_in_order",
    "tests/test_sweep.py::test_all_rows_are_looked_at_block_by_block[float32-3",
    "tests/test_sweep.py::test_all_rows_are_looked_at_block_by_block[float64",
    "tests/test_sweep.py::test_all_that_a_fit_knows[float64",
    "tests/test_sweep.py::test_every_float_of_the_core_is_swept_by_one_program[adam",
    "tests/test_sweep.py::test_every_knob_of_a_schedule_is_swept_by_one_program",
    "tests/test_sweep.py::test_halving_keeps_the_best_and_changes_no_survivor[float64",
    "tests/test_sweep.py::test_keyed_losses_and_states",
    "tests/test_sweep.py::test_keys_of_another_generator",
    "tests/test_sweep.py::test_memory_is_kept_to[a quadratic",
    "tests/test_sweep.py::test_narrower_tables_change_nothing_but_the_waste",
    "tests/test_sweep.py::test_tables_of_several_orders_narrow_too",
    "tests/test_sweep_result.py::test_confirmed_and_with_numpys_numbers_it_runs",
    "tests/test_sweep_result.py::test_precisions_problems_and_flags",
    "tests/test_sweep_result.py::test_structure_is_said",
    "tests/test_sweep_result.py::test_the_finder_takes_any_key_and_few_rows",
    "tests/test_training.py::test_a_hypergradient_equals_a_finite_difference[1]",
    "tests/test_training.py::test_a_hypergradient_equals_a_finite_difference[32]",
    "tests/test_training.py::test_a_lane_that_becomes_nan_changes_no_other_lanes_bits[while-32",
    "tests/test_training.py::test_a_lane_that_becomes_nan_changes_no_other_lanes_bits[while-full",
    *(
        f"tests/test_training.py::test_a_planted_nan_is_found_at_its_step[{case}"
        for case in ("1-", "5-scan-32", "5-while-1", "37-", "63-scan-full", "63-while-32")
    ),
    "tests/test_training.py::test_fit_in_chunks_of_any_length_is_train_in_one_piece_bit_for_bit[epoch",
    "tests/test_training.py::test_fit_in_chunks_of_any_length_is_train_in_one_piece_bit_for_bit[step",
    "tests/test_training.py::test_train_under_vmap_over_optimizers_penalties_and_keys[float64",
    "tests/test_transforms.py::test_nadam_is_its_formula[float64-{'",
)


def is_thorough(nodeid: str) -> bool:
    return nodeid.startswith(THOROUGH)


def is_brief(nodeid: str) -> bool:
    """Whether a run of all tests has it."""
    return not nodeid.startswith(THOROUGH + BATTERY)


if __name__ == "__main__":
    files = sorted({name.partition("::")[0] for name in THOROUGH})
    sys.exit(pytest.main([*files, "--thorough", *sys.argv[1:]]))
