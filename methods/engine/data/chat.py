"""Conversations as the model's own chat template renders them, and the answers cut out of them.

A conversation is a list of ``{"role": ..., "content": ...}``. An answer is what the template writes
behind the prompt it opens, without the end token; it is never empty.
"""

from __future__ import annotations

from typing import Any, Protocol

from methods.engine.data.row import Row, check_text, kind, listed, plain, show, text

ROLES = ("system", "user", "assistant", "tool")
Messages = list[dict[str, str]]


class ChatTokenizer(Protocol):
    """What rendering a conversation takes; any tokenizer of transformers has it."""

    chat_template: Any
    eos_token: Any

    def apply_chat_template(
        self, conversation: Any, /, *, tokenize: bool, add_generation_prompt: bool
    ) -> Any: ...


def messages(row: Row, column: str) -> Messages:
    """The conversation in ``column``, each message checked. Raises BadRow."""
    value = listed(row, column, "messages")
    for place, message in enumerate(value, start=1):
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise row.error(column, f"message {place} is not an object with role and content")
        if message["role"] not in ROLES:
            said = f"message {place} has role {show(message['role'])}"
            raise row.error(column, f"{said}; allowed: {', '.join(ROLES)}")
        if message.get("tool_calls"):
            raise row.error(column, f"message {place} calls tools, which is not supported")
        check_text(row, column, message["content"], f"message {place}: content ")
    return [{"role": m["role"], "content": m["content"]} for m in value]


def open_prompt(row: Row, tokenizer: ChatTokenizer | None, *, empty: bool = False) -> str:
    """The prompt column: plain text (blank only where ``empty``), or a conversation, opened."""
    if isinstance(row.values["prompt"], list):
        return _render(row, "prompt", _opening(row), tokenizer, opened=True)
    return text(row, "prompt", empty=empty)


def answered(row: Row, columns: tuple[str, ...], tokenizer: ChatTokenizer) -> tuple[str, list[str]]:
    """The prompt column and answers to it, all plain or all conversational."""
    talking = isinstance(row.values["prompt"], list)
    prompt = show(row.name("prompt"))
    for column in columns:
        if isinstance(row.values[column], list) != talking:
            raise row.error(
                column,
                f"is {kind(row.values[column])} but {prompt} is {kind(row.values['prompt'])}; "
                "allowed: both text or both lists of messages (chosen and rejected that repeat "
                "the prompt need none: put #messages behind the source)",
            )
    if not talking:
        return text(row, "prompt", empty=True), [text(row, column) for column in columns]
    opening = _opening(row)
    whole = [(column, opening + messages(row, column)) for column in columns]
    return _split(row, opening, whole, tokenizer)


def last_answer(row: Row, column: str, tokenizer: ChatTokenizer) -> tuple[str, str]:
    """A conversation up to its last message, and that message, which is the assistant's."""
    whole = messages(row, column)
    prompt, (answer,) = _split(row, whole[:-1], [(column, whole)], tokenizer)
    return prompt, answer


def two_conversations(row: Row, tokenizer: ChatTokenizer) -> tuple[str, list[str]]:
    """Chosen and rejected repeat the prompt: it is the messages that both begin with."""
    for column in ("chosen", "rejected"):
        if not isinstance(row.values[column], list):
            raise row.error("prompt", "is missing; only conversations can go without it")
    chosen, rejected = messages(row, "chosen"), messages(row, "rejected")
    shared = 0
    # The last message of each is its answer, even where one begins with the other.
    most = min(len(chosen), len(rejected)) - 1
    while shared < most and chosen[shared] == rejected[shared]:
        shared += 1
    if shared == 0:
        raise row.error("rejected", "begins otherwise than 'chosen': they answer no common prompt")
    whole = [("chosen", chosen), ("rejected", rejected)]
    return _split(row, chosen[:shared], whole, tokenizer)


def _split(
    row: Row, opening: Messages, whole: list[tuple[str, Messages]], tokenizer: ChatTokenizer
) -> tuple[str, list[str]]:
    """The rendered opening, and of each conversation the text behind it, its end token cut."""
    for column, conversation in whole:
        if conversation[-1]["role"] != "assistant" or len(conversation) == len(opening):
            raise row.error(column, "does not end with a message of role 'assistant'")
    column = whole[0][0]
    if opening and opening[-1]["role"] == "assistant":
        raise row.error(column, "the prompt ends with an assistant's message; allowed: user, tool")
    prompt = _render(row, column, opening, tokenizer, opened=True) if opening else ""
    answers = []
    for column, conversation in whole:
        rendered = _render(row, column, conversation, tokenizer, opened=False)
        if not rendered.startswith(prompt):
            raise row.error(
                column,
                "the chat template renders the prompt otherwise once an answer follows it; "
                "use plain-text columns with this model",
            )
        answer = rendered[len(prompt) :]
        end = tokenizer.eos_token
        if end and answer.rstrip().endswith(end):
            answer = answer.rstrip().removesuffix(end)
        # A template may write around an empty message, or drop one that is not.
        if not answer.strip() or not conversation[-1]["content"].strip():
            raise row.error(column, "the answer is empty; at least one character is needed")
        answers.append(answer)
    return prompt, answers


def _render(
    row: Row,
    column: str,
    conversation: Messages,
    tokenizer: ChatTokenizer | None,
    *,
    opened: bool,
) -> str:
    """``conversation`` as the model reads it; ``opened`` adds the head of an assistant's answer."""
    if tokenizer is None or not tokenizer.chat_template:
        raise row.error(
            column, "is a conversation, but the model has no chat template; allowed: plain text"
        )
    try:
        rendered = tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=opened
        )
    # A template is the model's own program (Jinja) and raises what it likes.
    except Exception as error:
        raise row.error(column, f"the chat template refuses it: {plain(error)}") from error
    return str(rendered)


def _opening(row: Row) -> Messages:
    conversation = messages(row, "prompt")
    if conversation[-1]["role"] not in ("user", "tool"):
        role = conversation[-1]["role"]
        raise row.error("prompt", f"ends with a message of role '{role}'; allowed: user, tool")
    return conversation
