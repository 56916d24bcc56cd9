"""Where the sign-in leads to: never to another site."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.ui.sign_in import next_path

EVIL = [
    "",
    "evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/x\r\nSet-Cookie: a=b",
    "/\x00/evil.example",
    "https://evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/" + "a" * 3_000,
    "/\u2215/evil.example",
    *map(unquote, ["%2F%2Fevil.example", "%2F%5Cevil.example", "%5C/evil.example", "%09//evil.example", "/%0d%0a/x"]),
]


@pytest.mark.parametrize("text", EVIL, ids=ascii)
def test_other_sites_become_the_start_page(text: str) -> None:
    """However a browser could be talked into leaving."""
    assert next_path(text) == "/"


@pytest.mark.parametrize(
    "text", ["/", "/?a=1&b=%2F", "/users/ada?days=7", "/%2Fevil.example", "/a//b", "/x?u=http://y"]
)
def test_paths_of_this_site_are_kept(text: str) -> None:
    """Query and escapes included; an escaped slash is no slash."""
    assert text == next_path(text)


@given(st.text(st.sampled_from("/\\:.@?#% \t\r\nae\u2215\u00a0"), max_size=12) | st.text(max_size=30))
def test_whatever_comes_out_stays_here(text: str) -> None:
    """As browsers read addresses (URL Standard): without tabs and line breaks, a backslash being a slash."""
    onward = next_path(text)
    as_browsers_read_it = "".join(c for c in onward if c not in "\t\r\n").strip().replace("\\", "/")
    assert "/" == as_browsers_read_it[:1]
    assert "/" != as_browsers_read_it[1:2]
    assert onward.isprintable()
