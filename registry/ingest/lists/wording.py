"""What the words of an item are: a title, a label of a link, a date, a venue, a badge."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from registry.core.escape import one_line
from registry.ingest.lists.addresses import without_mention
from registry.ingest.lists.document import When

_LABEL_LINES = (
    "aaai aacl abs abstract academic acl acm acmmm aistats alphaxiv and anthology appendix",
    "apr april arxiv arxiv.org at aug august benchmark bibtex blog blogpost blogs by caption",
    "ccs checkpoint checkpoints cikm citation citations cite click code codes colab coling",
    "collection collections colm conference conll corl cvpr data dataset datasets dec",
    "december demo docs documentation doi eacl eccv elsevier emnlp face feb february figure",
    "findings for from full git github gitlab google here hf home homepage html hugging",
    "huggingface icassp iccv iclr icml icra ieee ieee-tpami ijcai image img implementation in",
    "interspeech interview iros jan january jax jmlr journal jul july jun june kdd",
    "leaderboard link links lrec main mar march material materials may mdpi media mm model",
    "models more naacl nature ndss neurips neurocomputing news nips nlpcc note notebook notes",
    "notion nov november oct october of official on openreview oral oxford page paper",
    "paperlist papers pdf post poster posts preprint proceedings project projects pub",
    "publication publish published publisher python pytorch read refer reimplementation repo",
    "report repository researchgate rss rxiv scholar science sciencedirect semantic sep sept",
    "september sigir site slide slides space spaces spotlight springer star stars supplement",
    "supplementary tacl tag talk talks teaser tech technical tensorflow text the thread tkde",
    "tmlr tnnls to tpami tweet twitter type uai unofficial url usenix v1 v2 v3 v4 version",
    "video videos view web website weights wiley with workshop workshops wsdm www x zotero",
)
# Paper, link, code, address, project, home page, data, video, blog, text, preprint: in Chinese,
# Japanese and Korean, where they stand together without a blank.
_WIDE_LABEL = re.compile(
    "(?:\u8bba\u6587|\u8ad6\u6587|\u6587\u7ae0|\u539f\u6587|\u94fe\u63a5|\u9023\u7d50|\u5730\u5740|\u4ee3\u7801|\u7a0b\u5f0f\u78bc|\u9879\u76ee|\u5c08\u6848|\u4e3b\u9875"
    "|\u7f51\u9875|\u7f51\u7ad9|\u6570\u636e\u96c6?|\u6a21\u578b|\u89c6\u9891|\u535a\u5ba2|\u9884\u5370\u672c|\u5b98\u65b9|\u5f00\u6e90|\u5728\u7ebf|\u9605\u8bfb"
    "|\u30ea\u30f3\u30af|\u30b3\u30fc\u30c9|\u30c7\u30fc\u30bf|\ub17c\ubb38|\ub9c1\ud06c|\ucf54\ub4dc|\ub370\uc774\ud130)+"
)
_NUMBER = re.compile("[0-9]*(?:st|nd|rd|th)?|[0-9\u5e74\u6708\u65e5]+")
_LABEL_WORDS = frozenset(word for line in _LABEL_LINES for word in line.split())
_VENUES = re.compile(
    r"\b((?:NeurIPS|NIPS|ICML|ICLR|AAAI|IJCAI|ACL|EMNLP|NAACL|EACL|COLING|TACL|COLM|CVPR|ICCV|"
    r"ECCV|KDD|WWW|SIGIR|CIKM|WSDM|USENIX(?: Security)?|NDSS|CCS|TMLR|JMLR|TPAMI|AISTATS|UAI|CoRL|"
    r"RSS|ICRA|IROS|INTERSPEECH|ICASSP|ACM MM|LREC|CoNLL|AACL|Nature|Science|NeSy|MLSys|"
    r"OSDI|ASPLOS)"
    r"(?:[- _](?:Findings|Workshop|WorkShop|Main|Oral|Spotlight|Datasets?))*)"
    r"[\s,'_\-]*((?:19|20)?[0-9]{2})?(?![0-9])"
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july",
         "aug august", "sep sept september", "oct october", "nov november", "dec december"), 1,
    )
    for name in names.split()
}  # fmt: skip
_YEAR = r"(?:19[89][0-9]|20[0-4][0-9])"
_DATES = (
    re.compile(rf"(?<![0-9.])(?P<y>{_YEAR})[-/.](?P<m>[01]?[0-9])[-/.](?P<d>[0-3]?[0-9])(?![0-9])"),
    re.compile(rf"(?<![0-9])(?P<d>[0-3]?[0-9])(?:st|nd|rd|th)?\s+(?P<n>[A-Za-z]{{3,9}})\.?,?\s+(?P<y>{_YEAR})"),
    re.compile(rf"\b(?P<n>[A-Za-z]{{3,9}})\.?\s+(?P<d>[0-3]?[0-9])(?:st|nd|rd|th)?,?\s+(?P<y>{_YEAR})"),
    re.compile(rf"\b(?P<n>[A-Za-z]{{3,9}})\.?,?\s+(?P<y>{_YEAR})"),
    re.compile(rf"(?<![0-9.])(?P<y>{_YEAR})[-/.](?P<m>[01]?[0-9])(?![0-9])"),
    re.compile(rf"(?<![0-9.])(?P<y>{_YEAR})\u5e74(?P<m>[01]?[0-9])\u6708(?:(?P<d>[0-3]?[0-9])\u65e5)?"),
    re.compile(rf"(?<![0-9.])(?P<m>0[1-9]|1[0-2])/(?P<y>{_YEAR})(?![0-9])"),
    re.compile(rf"(?<![0-9.])(?P<y>{_YEAR})(?![0-9.])"),
)  # fmt: skip
_LEADING = re.compile(
    rf"^(?:[\s\-*+|:;,.\u2022\u00b7>\u00bb\u2192]+"
    rf"|[\[(\uff08\u3010]\s*(?:{_YEAR}|[0-9]{{2}})(?:[-/. ][0-9]{{1,2}}){{0,2}}\s*[\])\uff09\u3011]"
    rf"|{_YEAR}[-/.][01]?[0-9](?:[-/.][0-3]?[0-9])?(?![0-9])"
    rf"|[0-9]{{1,3}}[.)]\s"
    rf"|{_YEAR}[,.:]\s"
    rf"|[\[(][A-Z]{{0,2}}-?[0-9]{{1,3}}[\])]"
    rf"|(?:(?:paper )?title|paper)\s*[:\uff1a]"
    rf"|(?:(?:\u8bba\u6587)?\u6807\u9898|\u8bba\u6587(?:\u540d\u79f0)?|\u9898\u76ee)\s*[:\uff1a]"
    rf"|:[a-z_0-9+-]+:)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|arxiv\.org/\S+", re.IGNORECASE)
_LONGEST = 1000  # characters looked at; nothing longer is a title
_TAG = re.compile(r"[\[(\u3010\uff08]([^\])\u3011\uff09]*)[\])\u3011\uff09]\s*(?=\S)")
_TAG_BEHIND = re.compile(
    r"(?<=\S)\s*[\[(\u3010\uff08]([^\[\]()\u3010\u3011\uff08\uff09]{1,60})[\])\u3011\uff09]$"
)
_LABELS_BEHIND = re.compile(
    r"\s*[,;|\u00b7]\s*(?:links?|papers?|pdf|arxiv|url|code)\s*:?$", re.IGNORECASE
)
_WRAPS = {
    '"': '"\u201d', "\u201c": '\u201d"', "'": "'\u2019", "\u2018": "\u2019'", "*": "*", "_": "_",
    "`": "`'", "[": "]", "\u3010": "\u3011", "\u300a": "\u300b", "\u300c": "\u300d",
}  # fmt: skip
_QUOTED = re.compile(r"[\"\u201c\u00ab]([^\"\u201d\u00bb]{12,300})[\"\u201d\u00bb]")
_AUTHORS = re.compile(
    r"^[A-Z][\w'`-]+(?: (?:et al|and|&) ?[\w.]*)?\.?,? ?\(?(?:19|20)[0-9]{2}[a-z]?\)?$"
)
_ENDING = re.compile(
    r"\s*(?:[,.;]\s*|\s[\[(])(?:in\s+)?(?:arxiv(?: preprint)?|preprint|"
    + _VENUES.pattern.split("(?:[-", 1)[0][3:]
    + r")[^,.;:?!]{0,24}(?:,\s*(?:19|20)[0-9]{2})?[\])]?\s*$",
    re.IGNORECASE,
)
# ", arXiv:2401.01234, 2024" and a lone year, as bibliographies end.
_CITED = re.compile(
    r"[\s,.;(\[]*\barxiv(?: preprint)?(?: arxiv)?\s?:?\s?[0-9]{4}\.[0-9]{4,5}.*$"
    r"|,\s*(?:19|20)[0-9]{2}$"
    r"|\s*\[[CDJMR](?:/OL)?\].*$",  # the kind of document, as Chinese bibliographies mark it
    re.IGNORECASE,
)
# " ICLR 2025" with no more than a blank before it, unless a word joins it to the title.
_VENUE_BEHIND = re.compile(rf"(?<! at)(?<! of)(?<! in)(?<! for)(?<! the)\s{_VENUES.pattern}$")
_TRAILING = re.compile(
    r"(?:[\s,;:|\-\u2013\u2014(\[{/\uff08\u3010\uff0c\u3002\uff1a\u2190-\u21ff\u2794-\u27be]"
    r"|\.(?!\.)|(?:^|\s):[a-z_]+:)+$"
)
_BADGE_HOSTS = ("img.shields.io", "shields.io", "badgen.net", "badges.aleen42.com")


@lru_cache(maxsize=4096)
def clean_title(text: str) -> str:
    """``text`` without what lists hang on a title: markers, emoji, leading dates, brackets.

    >>> clean_title("\U0001f525 (2024.05) A Made-up Title. ")
    'A Made-up Title'
    >>> clean_title("Title: [A Made-up Title] (Jan 2024), Link:")
    'A Made-up Title'
    """
    title = one_line(text[:_LONGEST]).replace("**", "").replace("__", "").strip()
    before = None
    while before != title:
        before = title
        title = _LEADING.sub("", _without_pictures(title)).strip()
        title = re.sub(r"\s*\[\s*\]|\s*\(\s*\)", "", title)
        if (match := _TAG.match(title)) and is_label(match[1]):
            title = title[match.end() :]
        if (match := _TAG_BEHIND.search(title)) and is_label(match[1]):
            title = title[: match.start()]
        title = _TRAILING.sub("", _ENDING.sub("", _CITED.sub("", title))).strip()
        title = _LABELS_BEHIND.sub("", title)
        if (match := _VENUE_BEHIND.search(title)) and match[2]:
            title = title[: match.start()]
        title = _unwrapped(title)
    return title


def _unwrapped(title: str) -> str:
    """``title`` without the quotes or brackets that it stands in as a whole."""
    ends = _WRAPS.get(title[:1], "")
    if len(title) > 1 and ends and title[-1] in ends:
        inner = title[1:-1]
        if title[0] not in inner and not any(end in inner for end in ends if end not in "'\u2019"):
            return inner.strip()
    return title


@lru_cache(maxsize=4096)
def is_label(text: str) -> bool:
    """True for what names a link and no paper: "Paper", "arXiv 2024", "[Code]", "2401.00001"."""
    bare = one_line(text[:_LONGEST]).strip(" []()\u3010\u3011:;,.!|*_-/")
    bare = without_mention(bare)
    if not bare or _AUTHORS.match(bare) or _ADDRESS.fullmatch(bare):
        return True
    words = re.findall(r"[^\W_]+(?:[.'+-][^\W_]+)*", bare.lower())
    return all(_is_label_word(word) for word in words)


def _is_label_word(word: str) -> bool:
    if word in _LABEL_WORDS or _WIDE_LABEL.fullmatch(word):
        return True
    parts = re.split(r"[.'+-]", word)
    return all(p in _LABEL_WORDS or _NUMBER.fullmatch(p) for p in parts)


@lru_cache(maxsize=4096)
def reads_as_title(text: str, words: int = 3) -> bool:
    """True where ``text`` has at least so many words, or is long without blanks, as CJK is."""
    title = clean_title(text)
    if is_label(title) or not re.search(r"[^\W\d_]{2}", title):
        return False
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in title)
    return len(re.findall(r"[^\W_]+", title)) >= words or wide >= 6


def quoted(text: str) -> str | None:
    """A title that ``text`` sets between double quotes; none where they are a part of one."""
    match = _QUOTED.search(text)
    goes_on = match and re.match(r"\s*[:?!]\s*\w", text[match.end() :])
    return match[1] if match and not goes_on else None


def date_in(text: str) -> When | None:
    """The first date in ``text``, as far as it is given.

    >>> str(date_in("arXiv-2025.02-red")), str(date_in("16 May 2025"))
    ('2025-02', '2025-05-16')
    """
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if (when := _when(match.groupdict())) is not None:
                return when
    return None


def _when(parts: dict[str, str | None]) -> When | None:
    month = None
    if name := parts.get("n"):
        month = _MONTHS.get(name.lower())
        if month is None:
            return None
    elif number := parts.get("m"):
        month = int(number)
    day = int(parts["d"] or 0) if parts.get("d") else None
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    return When(int(parts["y"] or 0), month, day)


def venue_in(text: str) -> str | None:
    """The venue that ``text`` names, with its year where one follows.

    >>> venue_in("[NeurIPS 2024] A Made-up Title")
    'NeurIPS 2024'
    """
    match = _VENUES.search(text)
    if match is None:
        return None
    name = match[1].replace("_", " ").strip()
    year = match[2] or ""
    return f"{name} {'20' if len(year) == 2 else ''}{year}" if year else name


def badge_text(source: str) -> str | None:
    """What a badge says, from the address of its picture; None for another picture.

    >>> badge_text("https://img.shields.io/badge/arXiv-2025.02-red")
    'arXiv 2025.02'
    """
    try:
        parts = urlsplit(source)
    except ValueError:
        return None
    if (parts.hostname or "") not in _BADGE_HOSTS:
        return None
    path = unquote(parts.path)
    match = re.match(r"/(?:static/v1|badge)/?(.*)", path)
    if match is None:
        return ""  # stars and the like: a badge that says nothing of a paper
    said = re.sub(r"\.(?:svg|png)$", "", match[1]).replace("--", "\0").split("-")
    words = said[:-1] if len(said) > 1 else said  # the last part is the colour
    return one_line(" ".join(words).replace("\0", "-").replace("_", " "))


def _without_pictures(text: str) -> str:
    # Emoji and the selectors and joiners that come with them, at either end.
    def picture(c: str) -> bool:
        return unicodedata.category(c) in ("So", "Sk", "Cf", "Mn", "Cs") or c in "\ufe0f\u200d"

    start, end = 0, len(text)
    while start < end and (picture(text[start]) or text[start].isspace()):
        start += 1
    while end > start and (picture(text[end - 1]) or text[end - 1].isspace()):
        end -= 1
    return text[start:end]
