"""Mistakes one could make in core logic: each a piece of text, and what takes its place."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A mistake in one place, and what is to notice it."""

    name: str
    """What the project would do."""
    file: str
    old: str
    """Stands in the file exactly once."""
    new: str
    test: str
    """A file of tests, or one in it, as pytest takes them."""

    def made(self, source: str) -> str:
        """The source of the file with the mistake in it.

        Raises:
            ValueError: the text it replaces is not there, or more than once.
        """
        if (count := source.count(self.old)) != 1:
            raise ValueError(
                f"{self.name}: the text to replace must stand once in {self.file}, but stands "
                f"{count} times: {self.old!r}"
            )
        return source.replace(self.old, self.new)


_SPLIT = "tests/components/test_split.py"
_IMAGES = "tests/components/training/test_images.py"
_FIT = "tests/components/training/test_fit.py"
_STEP = "tests/components/training/test_step.py::test_step_in_parts_is_the_step_of_the_whole_batch"
_FREEZING = (
    "tests/components/model/test_groups.py::test_a_copy_of_a_frozen_model_is_frozen_by_itself"
)
_FINAL = "tests/components/training/test_final.py"
_MIXUP = "tests/components/training/techniques/test_mixup.py"
_OPTIMIZERS = "tests/components/training/test_optimizers.py"
_SIGNIFICANCE = "tests/components/evaluation/test_significance.py"
_METRICS = "tests/components/evaluation/test_metrics.py"
_EVALUATE = "tests/components/test_evaluate.py"
_STRATEGIES = "tests/components/study/strategies/test_staged.py"
_TRIALS = "tests/components/study/test_trial_inputs.py"
_CACHE = "tests/components/features/test_cache.py"
_STORE = "tests/components/features/test_store.py"
_CUT = "tests/components/model/partial/test_cut_points.py"
_VALIDATE = "tests/components/training/test_validate.py"
_SHARED = "tests/components/study/test_shared_cache.py"
_KEYS = "tests/components/data/images/test_cache_keys.py"
_IDENTITY = "tests/flows/records/test_identity.py"
_VERDICT = "tests/flows/gate/test_verdict.py"
_JUDGE = "tests/flows/actions/test_judge.py"
_PROMOTE = "tests/flows/actions/test_promote.py"

MUTATIONS = (
    Mutation(
        name="test images are trained on",
        file="components/training/images.py",
        old='seen = table[table["split"] != "test"].reset_index(drop=True)',
        new='seen = table.replace({"split": {"test": "train"}})',
        test=_IMAGES,
    ),
    Mutation(
        name="validation images are trained on",
        file="components/training/images.py",
        old='np.flatnonzero(seen["split"] == name)',
        new='np.flatnonzero(seen["split"].isin([name, "val"]))',
        test=_IMAGES,
    ),
    Mutation(
        name="mean and deviation change places",
        file="components/data/images/transform.py",
        old="(-np.asarray(self.mean) / np.asarray(self.std))",
        new="(-np.asarray(self.std) / np.asarray(self.mean))",
        test=_IMAGES,
    ),
    Mutation(
        name="the split hangs on the path of an image",
        file="components/data/splitting.py",
        old='return table["sha256"]',
        new='return table["path"]',
        test=_SPLIT + "::test_no_image_changes_splits_as_the_data_grows",
    ),
    Mutation(
        name="the split: a group is torn where a small class is filled",
        file="components/data/splitting.py",
        old='table.loc[table["position"] == chosen, "split"] = split',
        new='table.loc[table["position"].eq(chosen) & table["class"].eq(name), "split"] = split',
        test=_SPLIT + "::test_a_group_is_moved_whole_into_a_split_that_a_small_class_lacks",
    ),
    Mutation(
        name="the split: a test split that was brought is drawn again",
        file="components/data/splitting.py",
        old='test = 0 if "test" in brought else test_fraction',
        new="test = test_fraction",
        test=_SPLIT + "::test_brought_sides_stay_and_missing_ones_come_from_train",
    ),
    Mutation(
        name="the split: images of a split that was brought are moved",
        file="components/data/splitting.py",
        old='movable = rows[~rows["subset"].isin(["val", "test"])]',
        new="movable = rows",
        test=_SPLIT + "::test_images_of_a_brought_split_are_never_moved",
    ),
    Mutation(
        name="biases and norms decay",
        file="components/training/optimizers.py",
        old="(p.ndim > 1) is wanted",
        new="(p.ndim > 0) is wanted",
        test=_OPTIMIZERS + "::test_neither_biases_nor_normalisation_decay",
    ),
    Mutation(
        name="the decay of rates runs from the stem to the head",
        file="components/training/optimizers.py",
        old="zip(reversed(range(len(groups))), groups",
        new="zip(range(len(groups)), groups",
        test=_OPTIMIZERS + "::test_it_is_adamw_as_torch_writes_it_out",
    ),
    Mutation(
        name="parts of a batch are added without their weight",
        file="components/training/step.py",
        old="mean * (self.loss.weight(part.targets) / whole)",
        new="mean / self.parts",
        test=_STEP,
    ),
    Mutation(
        name="mixup is drawn and not trained on",
        file="components/training/fit.py",
        old="batch = technique.batch(batch, derived_seed(recipe.seed, number, place))",
        new="technique.batch(batch, derived_seed(recipe.seed, number, place))",
        test=_MIXUP + "::test_a_fit_trains_on_blended_images_by_the_papers_loss",
    ),
    Mutation(
        name="mixup blends targets by another weight than images",
        file="components/training/techniques/mixup.py",
        old="blended(targets, weight))",
        new="blended(targets, 1.0 - weight))",
        test=_MIXUP + "::test_targets_of_any_shape_are_blended_as_the_images_are",
    ),
    Mutation(
        name="training ends with the last epoch's weights",
        file="components/training/final.py",
        old="keep_best=True",
        new="keep_best=False",
        test=_FINAL + "::test_the_weights_are_the_best_epochs_and_described_as_such",
    ),
    Mutation(
        name="patience is an epoch too long",
        file="components/training/fit.py",
        old="waited >= recipe.patience",
        new="waited > recipe.patience",
        test=_FIT + "::test_patience_ends_a_fit_that_no_longer_improves",
    ),
    Mutation(
        name="the schedule begins anew with every epoch",
        file="components/training/fit.py",
        old="step=step - (first - 1) * steps,",
        new="step=place,",
        test=_FIT + "::test_the_schedule_is_as_long_as_the_fit",
    ),
    Mutation(
        name="of epochs the loss decides before the score",
        file="components/training/validate.py",
        old="return self.score, -self.loss",
        new="return -self.loss, self.score",
        test=_FIT + "::test_of_epochs_the_score_decides_and_then_the_loss",
    ),
    Mutation(
        name="validation loss is smoothed",
        file="components/training/validate.py",
        old="task.loss(LossRequest(), NO_TARGETS)",
        new="task.loss(LossRequest(label_smoothing=0.1), NO_TARGETS)",
        test=_VALIDATE,
    ),
    Mutation(
        name="validation loss takes every batch for as large",
        file="components/training/validate.py",
        old='reduction="sum"))',
        new='reduction="mean"))',
        test=_VALIDATE,
    ),
    Mutation(
        name="resume: the last epoch counts as the best",
        file="components/training/fit.py",
        old="best=max(history, key=lambda epoch: epoch.rank)",
        new="best=history[-1]",
        test=_FIT + "::test_the_best_epoch_outlives_a_kill_after_a_worse_one",
    ),
    Mutation(
        name="resume: the moments of the optimizer are lost",
        file="components/training/fit.py",
        old='saved.moments, saved.meta["numbers"]',
        new="{}, {}",
        test=_FIT + "::test_killed_fit_ends_with_the_same_bits",
    ),
    Mutation(
        name="dropout draws from torch's own state",
        file="components/training/fit.py",
        old="        torch.manual_seed(derived_seed(recipe.seed, number, *stepper.world.own))\n",
        new="",
        test=_FIT + "::test_a_fit_does_not_hang_on_what_drew_from_torch_before",
    ),
    Mutation(
        name="resume: a checkpoint of another setting is taken",
        file="components/training/recipe.py",
        old="files.canonical(asdict(self))",
        new="files.canonical([self.epochs, self.seed])",
        test=_FIT + "::test_checkpoint_of_other_settings_is_refused",
    ),
    Mutation(
        name="frozen statistics move",
        file="components/model/freezing.py",
        old='    vars(module)["train"] = MethodType(_stay_in_evaluation, module)\n',
        new="    module.eval()\n",
        test=_FREEZING,
    ),
    Mutation(
        name="evaluate: validation images count as test images",
        file="components/tasks/assessment.py",
        old='images = images[images["split"] == "test"]',
        new='images = images[images["split"] != "train"]',
        test=_EVALUATE + "::test_predictions_are_the_networks_own_of_every_test_image",
    ),
    Mutation(
        name="significance: an exact interval of 97.5 % instead of 95 %",
        file="components/evaluation/significance.py",
        old="right.proportion_ci(confidence_level, method",
        new="right.proportion_ci((1 + confidence_level) / 2, method",
        test=_SIGNIFICANCE + "::test_a_perfect_score_is_no_certainty",
    ),
    Mutation(
        name="significance: a bootstrap of 97.5 % instead of 95 %",
        file="components/evaluation/significance.py",
        old="        confidence_level=confidence_level,\n",
        new="        confidence_level=(1 + confidence_level) / 2,\n",
        test=_SIGNIFICANCE + "::test_interval_of_other_scores_is_near_the_normal_one",
    ),
    Mutation(
        name="significance: different counts as better",
        file="components/evaluation/significance.py",
        old='0.5, alternative="greater")',
        new='0.5, alternative="two-sided")',
        test=_SIGNIFICANCE + "::test_a_published_example",
    ),
    Mutation(
        name="calibration error takes every bin for as large",
        file="components/evaluation/metrics.py",
        old='(gaps * bins["images"]).sum() / bins["images"].sum()',
        new="gaps.mean()",
        test=_METRICS + "::test_calibration_error_is_the_mean_gap_over_images",
    ),
    Mutation(
        name="precision and recall of a class change places",
        file="components/evaluation/metrics.py",
        old='{"class": names, "precision": precision, "recall": recall',
        new='{"class": names, "precision": recall, "recall": precision',
        test=_METRICS + "::test_figures_of_a_class_by_hand",
    ),
    Mutation(
        name="search: the worst finalist is chosen",
        file="components/study/strategies/strategy.py",
        old="best, *others = sorted(means, reverse=True, key",
        new="best, *others = sorted(means, key",
        test=_STRATEGIES + "::test_best_head_is_among_the_finalists",
    ),
    Mutation(
        name="search: what is spent is not counted",
        file="components/study/strategies/staged.py",
        old="self.spent += trial.cost",
        new="self.spent += 0",
        test=_STRATEGIES + "::test_a_larger_budget_buys_neighbours_and_estimated_ones",
    ),
    Mutation(
        name="search: the head alone is chosen as readily as others",
        file="components/study/strategies/strategy.py",
        old="if head and trained is not None:",
        new="if False:",
        test=_STRATEGIES
        + "::test_the_head_alone_is_chosen_only_where_it_leads_by_a_standard_error",
    ),
    Mutation(
        name="search: a trial starts from the weights that the last one left",
        file="components/training/pretrained.py",
        old="        self.model.load_state_dict(self._started(setting))\n",
        new="",
        test=_TRIALS + "::test_renewed_network_is_a_fresh_one",
    ),
    Mutation(
        name="search: all trials draw by one seed",
        file="components/study/runner.py",
        old="derived_seed(self.plan.seed, number, 1)",
        new="derived_seed(self.plan.seed, 1)",
        test=_SHARED + "::test_every_trial_draws_by_a_seed_of_its_own",
    ),
    Mutation(
        name="search: what is put into the cache costs nothing",
        file="components/study/runner.py",
        old="return taken + space.filling(max(ahead | {freeze_depth}), validation=not seen)",
        new="return taken",
        test=_SHARED + "::test_a_trial_pays_for_what_it_put_into_the_cache_and_no_other_does",
    ),
    Mutation(
        name="cache: augmentations of every magnitude share one key",
        file="components/study/trial_inputs.py",
        old="family = self.images.family[str(magnitude)]",
        new='family = ""',
        test=_TRIALS + "::test_each_magnitude_is_kept_by_itself",
    ),
    Mutation(
        name="cache: the key does not hold the place in the network",
        file="components/features/cache.py",
        old="[asdict(source), place, self.precision, versions]",
        new="[asdict(source), self.precision, versions]",
        test=_CACHE + "::test_an_entry_feeds_the_higher_ones",
    ),
    Mutation(
        name="cache: the key does not hold the precision",
        file="components/features/cache.py",
        old="[asdict(source), place, self.precision, versions]",
        new="[asdict(source), place, versions]",
        test=_CACHE + "::test_precisions_are_kept_apart",
    ),
    Mutation(
        name="cache: an entry that is in use goes",
        file="components/features/store.py",
        old="for entry in reversed([entry for entry in entries if entry.key not in in_use])",
        new="for entry in reversed(entries)",
        test=_STORE + "::test_something_more_useful_goes_before_what_is_in_use",
    ),
    Mutation(
        name="cache: activations of other weights are taken",
        file="components/study/trial_inputs.py",
        old="weights=self._weights(setting)",
        new='weights=""',
        test=_SHARED + "::test_other_weights_are_not_given_the_activations_of_these",
    ),
    Mutation(
        name="cache: activations of other images are taken",
        file="components/study/trial_inputs.py",
        old="data=split.digest",
        new='data=""',
        test=_SHARED + "::test_other_images_are_not_given_the_activations_of_these",
    ),
    Mutation(
        name="cache: images decoded at another size are taken",
        file="components/data/images/pixels.py",
        old="list(digests), shrink.resize, code",
        new="list(digests), code",
        test=_KEYS + "::test_decoded_images_are_found_again_by_content_and_size",
    ),
    Mutation(
        name="cache: a split's name does not hold its transform",
        file="components/data/images/dataset.py",
        old="[self.pixels.key, self.indices.tolist(), self.transform.to_dict()]",
        new="[self.pixels.key, self.indices.tolist()]",
        test=_KEYS + "::test_a_split_is_named_by_its_images_and_all_of_the_transform",
    ),
    Mutation(
        name="cut: an activation is not copied before it is overwritten",
        file="components/model/partial/forward.py",
        old="activation.clone() if point.clones else activation",
        new="activation",
        test=_CUT + "::test_an_activation_that_is_overwritten_is_copied_first",
    ),
    Mutation(
        name="gate: the champion is judged on its own validation images",
        file="flows/gate/champion.py",
        old='SEEN = ("train", "val")',
        new='SEEN = ("train",)',
        test=_JUDGE + "::test_the_champion_is_not_asked_what_it_was_trained_on",
    ),
    Mutation(
        name="gate: what the challenger forgets does not matter",
        file="flows/gate/verdict.py",
        old="forgets = paired_p_value(*comparison.answerable_scores) < alpha",
        new="forgets = False",
        test=_VERDICT + "::test_a_new_class_does_not_pay_for_the_old_ones",
    ),
    Mutation(
        name="gate: a class that the challenger lacks does not matter",
        file="flows/gate/verdict.py",
        old="    if comparison.lacking:",
        new="    if not images and comparison.lacking:",
        test=_VERDICT + "::test_a_lost_class_is_never_promoted",
    ),
    Mutation(
        name="gate: an old verdict overrules a person",
        file="flows/actions/promote.py",
        old='ledger.last(project, "verdict", after=last, **about)',
        new='ledger.last(project, "verdict", **about)',
        test=_PROMOTE + "::test_a_person_who_goes_back_is_not_overruled_by_an_older_verdict",
    ),
    Mutation(
        name="gate: a chance of just alpha promotes",
        file="flows/gate/verdict.py",
        old="    if p_value < alpha:",
        new="    if p_value <= alpha:",
        test=_VERDICT + "::test_alpha_decides",
    ),
    Mutation(
        name="gate: what the champion lacks is held against the challenger",
        file="flows/actions/judge.py",
        old="lacking=task.lacking(its)",
        new="lacking=its.lacking(task)",
        test=_JUDGE
        + "::test_a_class_that_the_challenger_lacks_is_a_reason_and_one_it_has_besides_is_none",
    ),
    Mutation(
        name="records: a model is its weights alone",
        file="flows/records/identity.py",
        old="return digest([weights, network.identity])",
        new="return digest([weights])",
        test=_IDENTITY + "::test_equal_weights_that_are_used_otherwise_are_another_model",
    ),
    Mutation(
        name="records: figures drawn anew make another run",
        file="flows/records/identity.py",
        old='inside = line.rstrip() == f"  {DRAWING}:"',
        new="inside = False",
        test=_IDENTITY + "::test_a_run_is_another_one_where_any_stage_made_something_else",
    ),
    Mutation(
        name="records: a run goes on as the same with other images",
        file="flows/records/identity.py",
        old=', *project.data.glob("*.yaml")]',
        new="]",
        test=_IDENTITY + "::test_a_run_under_way_is_another_one_where_what_it_reads_changed",
    ),
)
