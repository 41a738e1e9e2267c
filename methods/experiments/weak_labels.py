"""Do labels that are mostly wrong keep self-training going, and where are they best spent?"""

from __future__ import annotations

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve, ResultCurve
from methods.experiments.rl_setting import ACCURACY, than

_PAPER, _METHOD, _HARD = "2502.08924", "escaping-collapse", "hard_accuracy"
_MEASURES = (ACCURACY, _HARD, "easy_accuracy", "pass_at_1")


def _arm(name: str, label: str, **options: object) -> Arm:
    return Arm(name, label, _METHOD, options=options)


_BOOST = _arm("boost", "boost, a quarter of the labels right")
_HALF = _arm("half-right", "boost, half of the labels right", beta=0.5)
_NEVER = _arm("never-right", "boost, none of the labels right", beta=0.0)
_FILTER = _arm("filter-only", "filter only", arm="filter-only")
_FILTER_BEST = _arm("filter-best", "filter only, at temperature 1 and a learning rate of 1e-3",
                    arm="filter-only", temperature=1.0, learning_rate=1e-3)  # fmt: skip
_UNFILTERED = _arm("unfiltered", "unfiltered", arm="unfiltered")
# As many labels in every round, fewer than there are failed prompts at any time.
_BUDGET = 200
_FAILED = _arm("failed", "200 labels a round on failed prompts, half right", beta=0.5,
               label_budget=_BUDGET)  # fmt: skip
_RANDOM = _arm("weak-random", "200 labels a round on random prompts, half right",
               arm="weak-random", beta=0.5, label_budget=_BUDGET)  # fmt: skip
_NOISY = _arm("wrong-5", "boost, filter wrong in 5 of 100", gamma=0.05)
_NOISIER = _arm("wrong-20", "boost, filter wrong in 20 of 100", gamma=0.2)
_NOISY_FILTER = _arm("filter-wrong-20", "filter only, wrong in 20 of 100", arm="filter-only",
                     gamma=0.2)  # fmt: skip

_START = (
    f"{setting.START} In each of six rounds the model writes four answers to each of 1,000 "
    "problems at temperature 0.5, the filter judges them, the weak labeller is asked about every "
    "problem without an accepted answer, and the model goes on from where it stands for 50 steps "
    "of 64. The labeller's truth is the task's own answer: what it tells is new to the model. Hard "
    "are held-out problems that the start solved in none of 8 samples, easy those in more than 4."
)
_TRIED = (
    "Five settings of boosting with labels a quarter right were tried, one seed each; accuracy at "
    "the end: 0.32 at temperature 1 and a learning rate of 1e-3, 0.45 at temperature 0.5, 0.16 "
    "there with one answer to each of 4,000 problems, and 0.67 at temperature 0.5 and 3e-4, which "
    "is this protocol; sums of three digits, of which the start writes 0.01 right, stayed "
    "unlearned. The filter alone ended at 0.76 at temperature 1 and 1e-3 and at 0.61 here: the "
    "setting was chosen for boosting, and by itself the filter does better in the other."
)
_LEARNER = (
    "The theory asks for a learner that fits what it is shown. Here it generalises: right answers "
    "to easy problems teach the hard ones too, and wrong labels on hard ones spoil the easy."
)


def _curves(*arms: Arm) -> tuple[LearningCurve | ResultCurve, ...]:
    names = tuple(arm.name for arm in arms)
    return (
        *(ResultCurve(f"hardness-{name}", name) for name in names),
        LearningCurve("written-score", "Right among the answers written, by round", "written_score",
                      "fraction right", names),
        LearningCurve("failed", "Problems without an accepted answer, by round", "failed",
                      "fraction of problems", names),
    )  # fmt: skip


COLLAPSE_WEAK_LABELS = Experiment(
    slug="collapse-weak-labels",
    method=_METHOD,
    paper=_PAPER,
    claim="c1",
    question=(
        "Do labels of which three quarters are wrong carry self-training beyond what a filter "
        "alone reaches, and do labels that are never right fail to?"
    ),
    measures=_MEASURES,
    arms=(_BOOST, _HALF, _NEVER, _FILTER, _FILTER_BEST, _UNFILTERED),
    comparisons=(
        than("Accuracy after boosting with labels a quarter right is above that of the start",
             "boost", "boost"),
        than("It is above that of the filter alone at the same setting", "boost", "filter-only"),
        than("It is above that with labels that are never right", "boost", "never-right"),
        than("With labels half right it is above that with a quarter right", "half-right", "boost"),
        than("With labels that are never right it is below that of the filter alone",
             "never-right", "filter-only", relation="below"),
        than("Unfiltered it ends below the start", "unfiltered", "unfiltered", relation="below"),
    ),
    curves=_curves(_BOOST, _HALF, _NEVER, _FILTER, _UNFILTERED),
    scales=setting.tiny(_START),
    notes=(
        "The filter alone at the setting that suits it is shown and no part of the verdict: the "
        "claim is that weak labels suffice, not that a filter does not.",
        _LEARNER, _TRIED, setting.ONE_START,
    ),
)  # fmt: skip

COLLAPSE_NOISY_FILTER = Experiment(
    slug="collapse-noisy-filter",
    method=_METHOD,
    paper=_PAPER,
    claim="c2",
    question="What does a filter that errs cost, and do weak labels make up for it?",
    measures=_MEASURES,
    arms=(_NOISY, _BOOST, _NOISIER, _NOISY_FILTER),
    comparisons=(
        than("With a filter wrong in 5 of 100, accuracy after boosting is above that of the start",
             "wrong-5", "wrong-5"),
        than("It is above that with a filter wrong in 20 of 100", "wrong-5", "wrong-20"),
        than("With a filter wrong in 20 of 100, boosting is above the filter alone", "wrong-20",
             "filter-wrong-20"),
    ),
    curves=_curves(_NOISY, _BOOST, _NOISIER, _NOISY_FILTER),
    scales=setting.tiny(_START),
    notes=(
        "For a learner that is a table the error does not go to 0: by our derivation, which a test "
        "simulates, it stops at gamma (1 - beta) / (gamma (1 - beta) + beta (1 - gamma)), 0.14 "
        "and 0.43 here. The theorem asks more of the learner, and mixes in fresh data.",
        _LEARNER, _TRIED, setting.ONE_START,
    ),
)  # fmt: skip

COLLAPSE_HARD_PROMPTS = Experiment(
    slug="collapse-hard-prompts",
    method=_METHOD,
    paper=_PAPER,
    claim="c3",
    question="Are as many labels worth more on the prompts that the model fails?",
    measures=_MEASURES,
    arms=(_FAILED, _RANDOM, _FILTER),
    comparisons=(
        than("Accuracy with labels on failed prompts is above that with as many on random prompts",
             "failed", "weak-random"),
        than("It is above that without labels", "failed", "filter-only"),
    ),
    curves=_curves(_FAILED, _RANDOM, _FILTER),
    scales=setting.tiny(_START),
    notes=(
        "A round has 200 labels at most; where fewer prompts are failed, both arms ask that often "
        "(see labels in the metrics).",
        _LEARNER, _TRIED, setting.ONE_START,
    ),
)  # fmt: skip
