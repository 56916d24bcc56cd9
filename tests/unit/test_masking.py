"""Secrets are struck out of text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access.keyring import make_text
from appliance.masking import MASK, Mask


@given(st.text(min_size=6).filter(lambda text: text.strip() != "" and text not in MASK))
def test_a_known_secret_is_found_as_it_is_and_as_it_is_quoted(secret: str) -> None:
    """In plain text, in JSON of both kinds, and in Python's own notation nothing of it is left."""
    mask = Mask([secret])
    for written in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)):
        quoted = written if written == secret else written[1:-1]
        assert f"<<{MASK}>>" == mask(f"<<{quoted}>>")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key " + make_text({"admin"}), "key ***"),
        (make_text({"read", "write"}), "***"),
        ("{'authorization': 'Bearer abc.def'}", "{'authorization': 'Bearer ***'}"),
        ("authorization: bearer abc", "authorization: bearer ***"),
        ("Cookie: a=b; appliance_session=t0k-en_; c=d", "Cookie: a=b; appliance_session=***; c=d"),
        ("http://elastic:geheim@search:9200/x", "http://***@search:9200/x"),
        ("https://search:9200/?mail=a@b.example", "https://search:9200/?mail=a@b.example"),
        ("aa_admin_ is how keys begin", "aa_admin_ is how keys begin"),
    ],
    # the keys are random, and names of tests must not be
    ids=("admin key", "key", "bearer in a mapping", "bearer", "cookie", "login", "no login", "prefix"),
)
def test_what_looks_like_a_secret_is_struck_out(text: str, masked: str) -> None:
    """Keys, bearers, sessions and logins in addresses go, and nothing else."""
    assert masked == Mask()(text)


def test_the_longer_of_two_secrets_goes_as_a_whole() -> None:
    """A secret that begins with another leaves no rest behind."""
    assert "***!" == Mask(["secret", "secret-and-more"])("secret-and-more!")


def test_words_too_short_to_be_secret_stay() -> None:
    """A password of three letters would turn every line into asterisks."""
    assert "a log" == Mask(["a", "log"])("a log")
