"""Fields as written: `metrics.loss`, `status`, `min(metrics.loss)`."""

from __future__ import annotations

import re

from runlake.errors import InvalidInput
from runlake.query.filter.cursor import Cursor
from runlake.query.filter.nearest import did_you_mean
from runlake.query.filter.nodes import Field, Function, Kind
from runlake.query.filter.tokens import Token, TokenKind, shown
from runlake.query.filter.vocabulary import Vocabulary

_KEYWORDS = ("AND", "OR", "IN", "LIKE", "ILIKE", "RLIKE", "BETWEEN", "IS")
_PLAIN = re.compile(r"\w+")
# What other languages call them.
_ELSEWHERE = {"avg": "mean", "average": "mean", "latest": "last", "len": "count", "maximum": "max", "minimum": "min"}


def read_field(cursor: Cursor, vocabulary: Vocabulary) -> Field:
    """Take a name, or a function and the metric in its parentheses.

    Raises:
        InvalidInput: there is no name here, or it means nothing; shown with a caret under it.
    """
    token = cursor.peek()
    # A whole name may stand in double quotes, as in MLflow: "run name" = 'a'.
    is_name = token.kind is TokenKind.NAME or token.text.startswith('"')
    if not is_name or token.is_word(*_KEYWORDS):
        raise _not_a_name(cursor, token)
    cursor.take()
    if cursor.peek().kind is TokenKind.OPEN and _PLAIN.fullmatch(token.text) and not vocabulary.has_attribute(token):
        return _function_of_metric(cursor, token, vocabulary)
    return vocabulary.resolve(token, cursor.source)


def _function_of_metric(cursor: Cursor, name: Token, vocabulary: Vocabulary) -> Field:
    function = _function(cursor, name, vocabulary)
    cursor.take()
    argument = cursor.peek()
    if argument.kind is not TokenKind.NAME:
        raise cursor.mistake(f"{function.value} needs a metric here", hint=f"{function.value}(metrics.loss)")
    field = vocabulary.resolve(cursor.take(), cursor.source)
    if field.kind is not Kind.METRIC:
        message = f"{function.value} is a function of metrics, and {shown(field.name)} is none"
        raise cursor.mistake(message, argument, hint=f"{function.value}(metrics.{shown(field.key)})")
    cursor.expect(TokenKind.CLOSE, "')'")
    return field if function is Function.LAST else Field(field.kind, field.key, function)


def _function(cursor: Cursor, name: Token, vocabulary: Vocabulary) -> Function:
    known = [function.value for function in Function] if Kind.METRIC in vocabulary.prefixes.values() else []
    if name.text.lower() in known:
        return Function(name.text.lower())
    hint = None
    if known:
        translated = _ELSEWHERE.get(name.text.lower())
        hint = f"it is called {translated}" if translated else did_you_mean(name.text, known)
        hint = hint or f"functions are {', '.join(known)}"
    raise cursor.mistake(f"unknown function {shown(name.text)!r}", name, hint=hint)


def _not_a_name(cursor: Cursor, token: Token) -> InvalidInput:
    got = shown(token.text) if token.kind is not TokenKind.END else "the end"
    if cursor.source.title == "filter":
        hint = "a condition reads: metrics.loss < 0.1, params.lr = 0.01, tags.team = 'a'"
    else:
        hint = "a clause reads: metrics.loss DESC"
    return cursor.mistake(f"{cursor.source.title} needs a name here, not {got}", token, hint=hint)
