"""Do demonstrations that supervised training has finished with teach more in self-play?"""

from __future__ import annotations

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve
from methods.experiments.rl_setting import ACCURACY, SUPERVISED, than

SPIN_SELF_PLAY = Experiment(
    slug="spin-self-play",
    method="spin",
    paper="2401.01335",
    claim="c1",
    question=(
        "From a start that supervised training has finished with, do rounds of self-play on the "
        "same demonstrations raise held-out accuracy where more supervised training does not?"
    ),
    measures=(ACCURACY, "pass_at_1"),
    arms=(
        Arm("spin", "SPIN", "spin"),
        SUPERVISED,
        Arm("shuffled", "SPIN, demonstration and own answer swapped by a coin", "spin",
            options={"opponent": "shuffled"}),
    ),
    comparisons=(
        than("Accuracy after SPIN is above that of the start", "spin", "spin"),
        than("Accuracy after SPIN is above that of supervised training continued", "spin",
             SUPERVISED.name),
        than("Accuracy after SPIN is above that with demonstrations and own answers swapped by a "
             "coin", "spin", "shuffled"),
        than("pass@1 after SPIN is above that of the start", "spin", "spin", "pass_at_1"),
    ),
    curves=(
        LearningCurve("margin", "Demonstration above own answer", "margin", "log-ratio (nats)",
                      ("spin", "shuffled")),
    ),
    scales=setting.tiny(
        "The tiny decoder, trained from scratch on 400 labels of two-digit addition until its "
        "learning rate reached zero. SPIN plays three rounds of 40 steps of 64 games on those 400 "
        "labels: in each the model as the last round left it answers them, and wrong answers are "
        "the games. Accuracy is greedy, on 1,000 held-out problems whose operands, in either "
        "order, are never trained on."
    ),
    notes=(
        "Only a demonstration that the model does not already write makes a game; the fewer there "
        "are, the less a round teaches.",
        "Settings tried, one seed each: lambda 0.1 at a learning rate of 3e-5 (accuracy 0.278 to "
        "0.149, with swapped games 0.168: numbers of the demonstration and of the own answer share "
        "most digits, and both become unlikely), 1 at 1e-5 (0.280), 5 at 3e-5 (0.280; pass@1 0.202 "
        "to 0.207), which stands here. The paper takes 0.1, and 5 in its last round.",
        setting.ONE_START,
    ),
)  # fmt: skip
