"""A session at the queue: which key does what. A decision is stored before the next paper comes."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import webbrowser
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from registry.catalog.criteria import load_criteria
from registry.catalog.files import load_taxonomy
from registry.catalog.models import Taxonomy
from registry.catalog.taxonomy import aliases, nearest_leaves
from registry.core.errors import RegistryError, UsageError
from registry.core.escape import terminal as inert
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import search
from registry.triage import decisions
from registry.triage.accept import Proposal, accept
from registry.triage.card import card, criteria_in_short, criteria_lines, reject_lines
from registry.triage.hints import keyword_leaves
from registry.triage.queue import Item, Queue
from registry.triage.ranked import Neighbour, Reasons
from registry.triage.retag import retag
from registry.triage.terminal import Terminal
from registry.triage.turns import By, Overtaken, told
from registry.triage.undo import undo

_KEYS = (
    ("a", "accept"), ("A", "accept with a gist"), ("r", "reject"), ("m", "maybe"),
    ("d", "duplicate of"), ("t", "retag"), ("s", "skip"), ("u", "undo"), ("o", "open"),
    ("c", "criteria"), ("?", "help"), ("q", "quit"),
)  # fmt: skip
_HELP = (
    "a  accept: the number of a suggested leaf, or / and slugs, numbers or words",
    "A  the same, and write a gist in $EDITOR",
    "r  reject: the number of a reason, or / and a code with a note, or words of your own",
    "m  maybe: leave it open; the next pass shows it again",
    "d  duplicate of another paper: its number in the list, or its arXiv id",
    "t  retag: note which leaves it belongs to, without deciding",
    "s  skip: not shown to you again in this pass",
    "u  undo your last decision, and the one before, and so on; also those of earlier sessions",
    "o  open the abstract's page at arxiv.org",
    "c  the criteria in full",
    "j k, arrows, space  scroll",
    "Esc  back, out of any of these     q, Ctrl-C, Ctrl-D  leave; everything decided is stored",
)
_BACK = "Esc back"
_MOST_NEAR = 9  # a number key each


@dataclass
class Session:
    """One reviewer at one queue on one terminal."""

    store: Store
    settings: Settings
    queue: Queue
    terminal: Terminal
    done: Counter[str] = field(default_factory=Counter)
    _message: str = ""

    def __post_init__(self) -> None:
        order = self.queue.order
        self._by = By(order.reviewer, beside=order.double)
        self._criteria = load_criteria(self.settings.catalog_dir)
        self._taxonomy = load_taxonomy(self.settings.catalog_dir)

    def run(self) -> Counter[str]:
        """Show one candidate after the other until none is left or the reviewer leaves."""
        while True:
            due = self.queue.is_due
            if due:
                self.terminal.show([Text("ordering the candidates ...")], [])
            item = self.queue.next()
            if due:
                self.terminal.forget_keys()  # they were meant for a paper that is gone
            if item is None or not self._judge(item):
                return self.done

    def _judge(self, item: Item) -> bool:
        """Show ``item`` until it is decided; False where the reviewer leaves."""
        actions: dict[str, Callable[[Item], bool]] = {
            "a": self._accept, "A": self._accept_with_gist, "r": self._reject, "m": self._maybe,
            "d": self._duplicate, "t": self._retag, "s": self._skip, "u": self._undo,
            "o": self._open, "c": self._show_criteria, "?": self._help,
        }  # fmt: skip
        while True:
            self.terminal.show(card(item, self._leaves(item)), self._footer())
            key = self.terminal.key()
            if key in ("q", "end"):
                return False
            action = actions.get(key)
            if action is None:
                self._message = f"{inert(key)!r} does nothing; ? shows the keys"
                continue
            self._message = ""
            try:
                if action(item):
                    return True
            except Overtaken as error:
                self._message = str(error)
                return True  # somebody decided: it waits no more
            except RegistryError as error:
                self._message = str(error)

    # -- the keys ------------------------------------------------------------------------------

    def _accept(self, item: Item) -> bool:
        return self._take(item, with_gist=False)

    def _accept_with_gist(self, item: Item) -> bool:
        return self._take(item, with_gist=True)

    def _take(self, item: Item, *, with_gist: bool) -> bool:
        leaves = self._ask_leaves(item, "accept")
        if not leaves:
            return False
        gist = self._write_gist(item) if with_gist else None
        if with_gist and not gist:
            self._message = "no gist was written: nothing decided"
            return False
        proposal = Proposal(leaves[0], gist, leaves[1:])
        by = self._now(item)
        accept(self.store, self.settings, item.id, proposal, by=by)
        # Said of every acceptance, so that it does not tell what the other reviewer thinks.
        both = "; two have to accept" if by.beside else ""
        return self._decided("accept", f"accepted {item.id} to {leaves[0]}{both}")

    def _reject(self, item: Item) -> bool:
        reasons = self._criteria.reasons if self._criteria else ()
        key = "/"
        if self._criteria:
            footer = "reject: a number, / other words, " + _BACK
            title = Text(inert(item.candidate.title), style="bold")
            menu = [title, Text(), *reject_lines(self._criteria)]
            self.terminal.show(menu, [Text(footer)])
            key = self.terminal.key()
        if key == "/":
            reason = self.terminal.ask("why: ") or ""
        elif (number := _number(key)) and number <= len(reasons):
            reason = reasons[number - 1]
        else:
            return self._went_back(key)
        if not reason.strip():
            return self._went_back("enter")
        decisions.reject(self.store, self.settings, item.id, reason, by=self._now(item))
        return self._decided("reject", f"rejected {item.id}: {inert(reason)}")

    def _maybe(self, item: Item) -> bool:
        decisions.maybe(self.store, self.settings, item.id, by=self._now(item))
        return self._decided("maybe", f"left {item.id} open")

    def _skip(self, item: Item) -> bool:
        decisions.skip(self.store, self.settings, item.id, by=self._by)
        return self._decided("skip", f"skipped {item.id}")

    def _duplicate(self, item: Item) -> bool:
        near = self._near(item)
        shown = [Text(f"{n}  {id_}  {inert(text)}") for n, (id_, text) in enumerate(near, start=1)]
        title = Text(inert(item.candidate.title), style="bold")
        shown = shown or [Text("nothing like it is known; name it by its id")]
        self.terminal.show([title, Text(), *shown], [])
        typed = (self.terminal.ask("number or arXiv id (empty: back): ") or "").strip()
        if not typed:
            return False
        numbered = {str(number): id_ for number, (id_, _) in enumerate(near, start=1)}
        of = numbered.get(typed, typed)
        decisions.duplicate(self.store, self.settings, item.id, of, by=self._now(item))
        return self._decided("duplicate", f"{item.id} is a duplicate of {inert(of)}")

    def _retag(self, item: Item) -> bool:
        leaves = self._ask_leaves(item, "belongs to")
        if leaves:
            retag(self.store, self.settings, item.id, leaves[0], leaves[1:], by=self._by)
            self.done["retag"] += 1
            self._message = f"{item.id} belongs to {', '.join(leaves)}; not decided yet"
            self.queue.put_back(item.id)
        return bool(leaves)

    def _undo(self, item: Item) -> bool:
        line = undo(self.store, self.settings, self._by)
        self.done["undo"] += 1
        self._message = f"undone: {told(line)}"
        self.queue.put_back(item.id)
        if line.preprint_id != item.id:
            self.queue.put_back(line.preprint_id)
        return True

    def _open(self, item: Item) -> bool:
        address = f"https://arxiv.org/abs/{item.id}"
        opened = False
        if not self.settings.offline:
            with self.terminal.suspended():
                opened = webbrowser.open(address)
        self._message = address if opened else f"no browser was opened: {address}"
        return False

    def _show_criteria(self, _item: Item) -> bool:
        return self._page(criteria_lines(self._criteria))

    def _help(self, _item: Item) -> bool:
        return self._page([Text(line) for line in _HELP])

    # -- their parts ---------------------------------------------------------------------------

    def _page(self, lines: Sequence[RenderableType]) -> bool:
        self.terminal.show(lines, [Text("any key goes back")])
        self.terminal.key()
        return False

    def _went_back(self, key: str) -> bool:
        if key not in ("escape", "enter", "end"):
            self._message = f"{inert(key)!r} is none of those offered: nothing decided"
        return False

    def _now(self, item: Item) -> By:
        return By(self._by.reviewer, self._by.beside, seen=item.seen)

    def _decided(self, kind: str, message: str) -> bool:
        self.done[kind] += 1
        self._message = f"{message} (u undoes it)"
        return True

    def _leaves(self, item: Item) -> tuple[str, ...]:
        return suggested(item, self._taxonomy)

    def _near(self, item: Item) -> list[tuple[str, str]]:
        """Papers that may be the same, with a line on each: suggested ones, then those alike."""
        title = item.candidate.title
        # A paper that was renamed keeps its name before the colon, or its words after it.
        parts = dict.fromkeys((title, *title.split(":")))
        hits = [hit for part in parts for hit in search(self.store, part, 4)]
        found = {hit.id: f"{hit.title} ({hit.status})" for hit in hits if hit.kind == "paper"}
        for one in self._neighbours(item):
            found.setdefault(one.id, f"{one.title} ({one.decision}, reads alike)")
        first = {id_: found.get(id_, f"the same {reason}") for id_, reason in item.alike}
        return [pair for pair in (first | found).items() if pair[0] != item.id][:_MOST_NEAR]

    def _neighbours(self, item: Item) -> tuple[Neighbour, ...]:
        why = item.ranked.reasons if item.ranked else Reasons()
        return tuple(sorted((*why.accepted, *why.rejected), key=lambda one: -one.similarity))

    def _ask_leaves(self, item: Item, what: str) -> tuple[str, ...]:
        """The primary leaf and up to two others; empty where the reviewer went back."""
        offered = self._leaves(item)
        while True:
            shown = "   ".join(f"{n}:{leaf}" for n, leaf in enumerate(offered, start=1))
            menu = [Text(f"{what}: {shown}"), Text(f"a number, / another or several, {_BACK}")]
            self.terminal.show(card(item, offered), menu)
            key = self.terminal.key()
            if (number := _number(key)) and number <= len(offered):
                return (offered[number - 1],)
            if key != "/":
                self._went_back(key)
                return ()
            typed = self.terminal.ask("leaf, others (slugs, numbers or words): ") or ""
            leaves, offered = self._understood(typed, offered)
            if leaves:
                return leaves

    def _understood(
        self, typed: str, offered: tuple[str, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The leaves in ``typed``, or none and what its words come nearest to."""
        parts = typed.replace(",", " ").split()
        meant = aliases(self._taxonomy) | {str(n): leaf for n, leaf in enumerate(offered, start=1)}
        leaves = tuple(meant.get(part, part) for part in parts)
        if leaves and all(self._taxonomy.leaf(leaf) for leaf in leaves):
            return leaves, offered
        near = tuple(nearest_leaves(self._taxonomy, typed.strip(), 9)) if parts else offered
        return (), near

    def _write_gist(self, item: Item) -> str | None:
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        guide = (
            f"\n# {inert(item.candidate.title)}\n# Say above, in your own words, what the paper "
            "does and finds.\n# Lines that begin with # are left out. Nothing written: nothing "
            "decided.\n"
        )
        with tempfile.TemporaryDirectory(prefix="registry-") as folder:
            path = Path(folder) / f"{item.id.replace('/', '_')}.txt"
            path.write_text(guide, encoding="utf-8")
            with self.terminal.suspended():
                try:
                    code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
                except (OSError, ValueError) as error:
                    raise UsageError(f"the editor {editor!r} does not start: {error}") from None
            if code:
                raise UsageError(f"the editor {editor!r} ended with code {code}; nothing decided.")
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        written = " ".join(line.strip() for line in lines if not line.startswith("#"))
        return " ".join(written.split()) or None

    def _footer(self) -> list[RenderableType]:
        order = self.queue.order
        counted = ", ".join(f"{n} {kind}" for kind, n in sorted(self.done.items()))
        first = "newest" if self.queue.batch.note else order.strategy
        state = f"{self.queue.waiting:,} more wait; by {first}; as {inert(order.reviewer)}"
        # The news first: a low window cuts the rest.
        lines: list[RenderableType] = []
        if self._message:
            lines.append(Text(inert(self._message), style="reverse"))
        lines.append(Text("  ".join(f"{key} {name}" for key, name in _KEYS), style="bold"))
        lines.append(Text(state + (f"; so far {counted}" if counted else ""), style="dim"))
        if self.queue.batch.note:
            lines.append(Text(inert(self.queue.batch.note), style="yellow"))
        return lines + criteria_in_short(self._criteria)


def _number(key: str) -> int:
    """The number on a key, 0 for any other; only digits that are on every keyboard."""
    return int(key) if key in set("123456789") else 0


def suggested(item: Item, taxonomy: Taxonomy) -> tuple[str, ...]:
    """The leaves to offer: those of a retag, then the ranking's or those of the keywords."""
    tag = item.standing.tag
    noted = (tag.detail["leaf"], *tag.detail.get("secondary", ())) if tag else ()
    guessed = tuple(guess.leaf for guess in item.ranked.leaves) if item.ranked else ()
    guessed = guessed or keyword_leaves(item.candidate, taxonomy)
    now = aliases(taxonomy)  # a leaf may have been renamed since it was noted
    named = (now.get(leaf, leaf) for leaf in (*noted, *guessed))
    known = (leaf for leaf in named if taxonomy.leaf(leaf))
    return tuple(dict.fromkeys(known))[: max(3, len(noted))]
