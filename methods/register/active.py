"""Methods that choose what is labelled next, or who labels it."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

_NEEDS = ("a pool of texts without labels", "an oracle")
_LEARNER = Knob(
    "learner",
    "a deep network in most papers",
    "a logistic model on words or on the language model's states, trained from nothing each round",
    "libraries leave it to the user",
)
_TIES = Knob(
    "equal scores",
    "not stated",
    "in random order, from the run's seed",
    "modAL and scikit-activeml break ties by noise or by place",
)
_BATCH = Knob(
    "batch",
    "one text or the best few",
    "the best few, scored once a round: near duplicates may come together",
    "the same where a batch is asked for",
)

MARGIN = MethodInfo(
    slug="margin",
    name="Margin sampling",
    family="active",
    paper="2210.03822",
    summary="Asks for the label of the texts whose two likeliest classes are nearly as likely.",
    equation=Equation(
        "margin sampling",
        r"x^\ast=\arg\min_{x\in\mathcal{U}}\;\bigl[p(y_1\mid x)-p(y_2\mid x)\bigr],\qquad"
        r"y_1,y_2\ \text{the two likeliest classes}",
    ),
    needs=_NEEDS,
    knobs=(_LEARNER, _TIES, _BATCH),
    status="partial",
    since="0.2",
    use="Take it first where labels are dear and a small classifier learns from them: it has no "
    "knob, and little beats it by much. With the very first labels it may lose to chance.",
)

LEAST_CONFIDENCE = MethodInfo(
    slug="least-confidence",
    name="Least-confidence sampling",
    family="active",
    paper="cmp-lg/9407020",
    summary="Asks for the label of the texts whose likeliest class is least likely.",
    equation=Equation(
        "Uncertainty sampling, Section 3",
        r"x^\ast=\arg\max_{x\in\mathcal{U}}\;\bigl[1-\max_k p(k\mid x)\bigr]",
    ),
    needs=_NEEDS,
    knobs=(
        _LEARNER,
        _TIES,
        _BATCH,
        Knob(
            "two classes",
            "the probability closest to one half",
            "the same texts; margin and entropy choose them too",
        ),
    ),
    status="partial",
    since="0.2",
    use="The oldest rule, and of two classes the same as margin and entropy; with more it looks at "
    "the best class alone.",
)

ENTROPY = MethodInfo(
    slug="entropy",
    name="Entropy sampling",
    family="active",
    paper="1703.02910",
    summary="Asks for the label of the texts whose class has the largest entropy.",
    equation=Equation(
        "the acquisition function Max Entropy",
        r"x^\ast=\arg\max_{x\in\mathcal{U}}\;-\sum_k p(k\mid x)\log p(k\mid x)",
    ),
    needs=_NEEDS,
    knobs=(
        _LEARNER,
        _TIES,
        _BATCH,
        Knob(
            "probabilities",
            "averaged over dropout masks of a Bayesian network",
            "of one model: no averaging",
        ),
    ),
    status="partial",
    since="0.2",
    use="With many classes it asks also where several unlikely ones are in doubt, which margin "
    "does not; of two classes the two are the same.",
)

CORESET = MethodInfo(
    slug="coreset",
    name="Core-set selection",
    family="active",
    paper="1708.00489",
    summary="Asks for the labels of texts that leave no other text far from a labelled one.",
    equation=Equation(
        "the k-center problem, solved by Algorithm 1",
        r"\min_{|s_1|\le b}\;\max_i\;\min_{j\in s_0\cup s_1}\Delta(x_i,x_j)",
    ),
    needs=_NEEDS,
    knobs=(
        _LEARNER,
        Knob(
            "solution",
            "greedy, then a mixed-integer program that leaves outliers aside",
            "greedy alone, within a factor 2 of the least radius",
            "most implementations: greedy alone",
        ),
        Knob(
            "distance",
            "Euclidean, of the network's last hidden layer",
            "Euclidean, of what the learner sees of a text",
        ),
        Knob("equal distances", "not stated", "one of them at random, from the run's seed"),
    ),
    status="partial",
    since="0.2",
    use="It needs no learner and no probabilities, so it can be asked before the first label. Of "
    "words in many dimensions every text is far from every other, and it seeks out the odd ones.",
)

BADGE = MethodInfo(
    slug="badge",
    name="BADGE",
    family="active",
    paper="1906.03671",
    summary="Draws a batch of texts whose gradients under their likeliest class are large and "
    "unlike one another, by k-means++ seeding.",
    equation=Equation(
        "Algorithm 1",
        r"g_x=\bigl(p(x)-e_{\hat y(x)}\bigr)\otimes h(x),\qquad"
        r"P(x)\propto\min_{c\in\mathcal{C}}\lVert g_x-g_c\rVert^2",
    ),
    needs=_NEEDS,
    knobs=(
        _LEARNER,
        Knob(
            "first of a batch",
            "k-means++ seeding, uniformly",
            "uniformly; first=largest takes the largest gradient",
            "the authors' code: the largest gradient",
        ),
        Knob(
            "gradient",
            "of the last layer's weights",
            "of all weights but the constant's: the learner is one layer",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it for large batches, where the few most uncertain texts would be much alike; it "
    "has no knob to weigh uncertainty against diversity.",
)

_READS = Knob(
    "how the model is asked",
    "it writes the label, with demonstrations or several prompts",
    "the probabilities of the given answers after one prompt are read off; nothing is written",
)
_CALIBRATION = Knob(
    "calibration",
    "not stated",
    "none; calibration=mean divides by the mean over the first texts of the run",
)

LLM_ANNOTATOR = MethodInfo(
    slug="llm-annotator",
    name="Language model as annotator",
    family="active",
    paper="2310.19596",
    summary="Has a language model say what the chosen texts are, in the oracle's place, and trains "
    "a small learner on that.",
    equation=Equation(
        "annotation, as read off probabilities",
        r"\hat y(x)=\arg\max_c q(c\mid x),\qquad q(c\mid x)=\frac{P(c\mid x)}"
        r"{\sum_{c'}P(c'\mid x)}",
    ),
    needs=("a pool of texts without labels", "a language model"),
    knobs=(
        _LEARNER,
        _READS,
        _CALIBRATION,
        Knob(
            "weight of a label",
            "learned on validation data",
            "every label weighs the same",
        ),
        Knob("which texts", "uncertainty, k-means or random", "smallest margin, or random"),
    ),
    status="partial",
    since="0.2",
    use="No one is there to label, and tokens are cheap: the learner then inherits the model's "
    "errors, so look at label_accuracy first.",
)

HYBRID_ROUTING = MethodInfo(
    slug="hybrid-routing",
    name="Hybrid routing",
    family="active",
    paper="2310.15638",
    summary="Takes the language model's label where it is sure, and asks the oracle where not.",
    equation=Equation(
        "allocation by uncertainty, as a threshold",
        r"\text{label}(x)=\begin{cases}\arg\max_c q(c\mid x)&\max_c q(c\mid x)\ge\tau\\"
        r"\text{oracle}(x)&\text{else}\end{cases}",
    ),
    needs=(*_NEEDS, "a language model"),
    knobs=(
        _LEARNER,
        _READS,
        _CALIBRATION,
        Knob(
            "who labels",
            "shares of the data set, from the most certain on",
            "a threshold, text by text; routing=random is the paper's baseline",
        ),
    ),
    status="partial",
    since="0.2",
    use="Labels are dear and a language model is right where it is sure: set the threshold on a "
    "few labelled texts, and the oracle sees only the rest.",
)

LLM_GENERATION = MethodInfo(
    slug="llm-generation",
    name="Generation by a language model",
    family="active",
    paper="2202.07922",
    summary="Has a language model write texts of each class, and trains a small learner on them, "
    "alone or beside labelled texts of a pool.",
    equation=Equation(
        "Section 2 (generation, then training on what was written)",
        r"y_i\sim U(\mathcal{Y}),\quad x_i\sim P(\cdot\mid T(y_i)),\qquad"
        r"\min_w\;-\sum_i\log p_w(y_i\mid x_i)",
    ),
    needs=("names of the classes", "a language model"),
    knobs=(
        _LEARNER,
        Knob(
            "sampling",
            "top-k and nucleus sampling are compared",
            "the plain softmax, at a temperature",
            "the authors' code: the nucleus of mass 0.9",
        ),
        Knob(
            "texts of the pool",
            "none: no label of the task is seen",
            "batch of them a round, of smallest margin; batch=0 and initial=0 are the paper's",
        ),
        Knob("examples in the request", "none", "none; shots shows labelled texts of the class"),
    ),
    status="partial",
    since="0.2",
    use="There are no texts of the task, or too few: look at written_agree and written_twice "
    "first. Where a pool is at hand its own texts are usually worth more.",
)

ACTIVE: tuple[MethodInfo, ...] = (
    LEAST_CONFIDENCE, MARGIN, ENTROPY, CORESET, BADGE, LLM_ANNOTATOR, HYBRID_ROUTING,
    LLM_GENERATION,
)  # fmt: skip
