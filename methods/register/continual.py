"""Methods that learn one task after another."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

_BASELINE = Knob(
    "b_i of forward transfer",
    "performance at random initialisation, where the learner begins",
    "the start's, where ours begins: it is pretrained",
)

REPLAY = MethodInfo(
    slug="replay",
    name="Experience replay",
    family="continual",
    paper="2403.08763",
    summary="Trains on tasks in turn and mixes rows kept of the earlier ones into every step.",
    equation=Equation(
        "not printed; replay is described in words",
        r"L=-\frac{1}{N}\Big(\sum_{(x,y)\in B_k}\log\pi(y\mid x)"
        r"+\sum_{(x,y)\in B_{<k}}\log\pi(y\mid x)\Big),\quad "
        r"B_{<k}\subset M_1\cup\dots\cup M_{k-1}",
    ),
    needs=("a stream of tasks", "rows of earlier tasks"),
    knobs=(
        Knob(
            "how much is kept",
            "all of the earlier data can be drawn from",
            "memory=100 rows of each task, drawn at random",
        ),
        Knob(
            "how much is replayed",
            "shares from 0.5 % to 50 % compared, the new data making room",
            "share=0.25 of a step",
        ),
        _BASELINE,
    ),
    status="partial",
    since="0.2",
    use="Take it first wherever rows of the earlier tasks may be kept: little else keeps as much "
    "for as little.",
)

EWC = MethodInfo(
    slug="ewc",
    name="EWC",
    family="continual",
    paper="1612.00796",
    summary="Trains on tasks in turn and pulls each weight back to where earlier tasks left it, as "
    "strongly as its Fisher information says that they depend on it.",
    equation=Equation(
        "Eq. 3",
        r"L(\theta)=L_{new}(\theta)+\sum_t\frac{\lambda}{2}\sum_i F_{t,i}"
        r"(\theta_i-\theta^*_{t,i})^2,\qquad F_{t,i}=E\Big[\Big("
        r"\frac{\partial\log\pi(y\mid x)}{\partial\theta_i}\Big)^2\Big]_{\theta^*_t}",
    ),
    needs=("a stream of tasks",),
    knobs=(
        Knob(
            "Fisher information",
            "its diagonal; whose labels is not stated",
            "fisher=empirical takes the demonstrated answers, true draws them from the model; "
            "squares of single answers' gradients either way",
        ),
        Knob("lambda", "chosen by task", "strength=3000, with the task's loss a mean over tokens"),
        Knob(
            "several earlier tasks",
            "a penalty for each, or their sum",
            "a penalty for each, around the weights that it ended with",
        ),
        _BASELINE,
    ),
    status="partial",
    since="0.2",
    use="Take it where no row of an earlier task may be kept and two copies of the weights for "
    "each can be.",
)

LWF = MethodInfo(
    slug="lwf",
    name="LwF",
    family="continual",
    paper="1606.09282",
    summary="Trains on tasks in turn and, on the new task's rows, keeps next-token distributions "
    "close to those of the model before the task.",
    equation=Equation(
        "Section 3",
        r"L=L_{new}+\lambda_o\,KL(y'\,\|\,\hat y'),\qquad "
        r"y'_v=\frac{y_v^{1/T}}{\sum_u y_u^{1/T}}",
    ),
    needs=("a stream of tasks", "the model before each task"),
    knobs=(
        Knob(
            "what is compared",
            "heads of the old tasks on the new task's inputs",
            "the one head of next tokens, behind each demonstrated answer token",
        ),
        Knob(
            "scale of the softened loss",
            "cross-entropy, lambda_o = 1, T = 2",
            "KL, which differs by a constant; no factor T squared",
        ),
        _BASELINE,
    ),
    status="partial",
    since="0.2",
    use="Take it where nothing of an earlier task may be kept but the model, and the new rows look "
    "like the old ones.",
)

A_GEM = MethodInfo(
    slug="a-gem",
    name="A-GEM",
    family="continual",
    paper="1812.00420",
    summary="Trains on tasks in turn and takes from each gradient the part that would raise the "
    "loss on remembered rows.",
    equation=Equation(
        "the rule of update",
        r"\tilde g=g-\frac{g^\top g_{ref}}{g_{ref}^\top g_{ref}}\,g_{ref}"
        r"\quad\text{where } g^\top g_{ref}<0",
    ),
    needs=("a stream of tasks", "rows of earlier tasks"),
    knobs=(
        Knob(
            "what follows the projection",
            "plain gradient descent",
            "clipping and AdamW, whose step need not be orthogonal to the reference",
        ),
        Knob("the reference", "a random batch of all memories", "rows of the memories in turn"),
        Knob("how much is kept", "left open", "memory=100 rows of each task"),
        _BASELINE,
    ),
    status="partial",
    since="0.2",
    use="Take it where earlier rows may be looked at and not trained on; replay keeps more.",
)

O_LORA = MethodInfo(
    slug="o-lora",
    name="O-LoRA",
    family="continual",
    paper="2310.14152",
    summary="Trains a LoRA of its own for each task, beside the frozen ones of the earlier tasks "
    "and orthogonal to what they read.",
    equation=Equation(
        "Section on orthogonal low-rank adaptation",
        r"W=W_0+\frac{\alpha}{r}\sum_{i\le t}B_iA_i,\qquad "
        r"L=L_{new}+\lambda\sum_{i<t}\sum_{j,k}\big|(A_iA_t^\top)_{jk}\big|",
    ),
    needs=("a stream of tasks",),
    knobs=(
        Knob(
            "size of an entry",
            "entries of A_i A_t^T are to vanish",
            "penalty=absolute, as the authors' code; squared is offered",
        ),
        Knob(
            "which matrices are orthogonal",
            "A of a change A B: those on the side of the output",
            "those that read the input, as the authors' code",
        ),
        Knob("adapted layers", "not stated", "all linear layers but the head; the authors: some"),
        Knob(
            "earlier adapters",
            "frozen; merged into the weights in the end",
            "frozen and summed as they are; saved as one adapter of all ranks together",
        ),
        _BASELINE,
    ),
    status="partial",
    since="0.2",
    use="Take it where no earlier row may be kept, which task a text is of is not known, and "
    "adapters are small enough to keep one for each task.",
)

PROGRESSIVE_PROMPTS = MethodInfo(
    slug="progressive-prompts",
    name="Progressive prompts",
    family="continual",
    paper="2301.12314",
    summary="Freezes the model and trains a soft prompt for each task, read before the frozen "
    "prompts of the earlier tasks.",
    equation=Equation(
        "training objective",
        r"\max_{P_k}\sum_{(x,y)}\log\pi(y\mid[P_k,\dots,P_1,x])",
    ),
    needs=("a stream of tasks", "the task of every text"),
    knobs=(
        Knob("reparameterisation", "a residual MLP while training", "none: the vectors themselves"),
        Knob(
            "how a prompt begins",
            "not stated",
            "embeddings of tokens drawn at random",
            "the authors' code: the same",
        ),
        Knob(
            "where prompts stand",
            "before the embedded text",
            "before the start token too, as in peft",
        ),
        _BASELINE,
    ),
    status="partial",
    since="0.2",
    use="Take it where nothing learned may change at all and the task of every text is known.",
)

CONTINUAL_PRETRAINING = MethodInfo(
    slug="continual-pretraining",
    name="Continual pre-training",
    family="continual",
    paper="2402.17400",
    summary="Goes on pre-training on one text domain after another and measures every checkpoint "
    "on every domain.",
    equation=Equation(
        "Section on evaluation; the quantities are defined in words",
        r"\mathrm{ZS}_i=p(M_0,D_i),\quad \mathrm{CPT}_i=p(M_i,D_i),\quad "
        r"\mathrm{LC}_i=p(M_N,D_i),\quad \mathrm{FT}_i=p(M_0\to D_i,D_i),\quad "
        r"\mathrm{FG}_i=\mathrm{LC}_i-\mathrm{CPT}_i",
    ),
    needs=("text of several domains",),
    knobs=(
        Knob(
            "order of the domains",
            "similar ones in a row, by Sentence-BERT embeddings, or shuffled",
            "order=similar chains them by TF-IDF cosine, random draws an order by seed",
        ),
        Knob(
            "domains",
            "159 of M2D2, from Wikipedia and Semantic Scholar",
            "docstrings of the sub-packages of installed packages, or text files that are named",
        ),
        Knob(
            "optimiser between domains",
            "not stated",
            "AdamW forgets its moments and the learning rate begins anew",
        ),
        Knob("replay", "none", "share=0; an arm of the experiment replays one row in a hundred"),
        Knob("sum over domains", "medians, against outliers", "both: each measure and mean_ of it"),
    ),
    status="partial",
    since="0.2",
    use="Take it to see what a chain of domains teaches a model and costs it, before choosing an "
    "order, a size or a way against forgetting.",
)

CONTINUAL: tuple[MethodInfo, ...] = (
    REPLAY,
    EWC,
    LWF,
    A_GEM,
    O_LORA,
    PROGRESSIVE_PROMPTS,
    CONTINUAL_PRETRAINING,
)
