"""Stand-ins for tokenizers, and messages: what the tests of users' data share."""

from __future__ import annotations


class Chat:
    """A tokenizer with a template in the ChatML manner."""

    chat_template = "in code"
    eos_token = "<end>"

    def apply_chat_template(self, conversation, /, *, tokenize, add_generation_prompt):
        assert tokenize is False
        text = "".join(f"<{m['role']}>{m['content']}<end>\n" for m in conversation)
        return text + ("<assistant>" if add_generation_prompt else "")


class Plain:
    chat_template = None
    eos_token = "<end>"


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}
