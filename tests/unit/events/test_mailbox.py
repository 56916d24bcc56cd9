from __future__ import annotations

from typing import Any

import pytest

from appliance.events.mailbox import mailbox_provider


@pytest.mark.parametrize(
    ("address", "due"),
    [
        ("a@gmail.com", "gmail"),
        ("a@GoogleMail.com", "gmail"),
        ("a@yahoo.com", "yahoo"),
        ("a@yahoo.co.uk", "yahoo"),
        ("a@ymail.com", "yahoo"),
        ("a@aol.com", "yahoo"),
        ("a@outlook.com", "microsoft"),
        ("a@hotmail.de", "microsoft"),
        ("a@live.nl", "microsoft"),
        ("a@msn.com", "microsoft"),
        ("a@icloud.com", "apple"),
        ("a@me.com", "apple"),
        ("a@mac.com", "apple"),
        ("a@example.com", "other"),
        ("a@gmail.com.example.org", "other"),
        ("a@notgmail.com", "other"),
        ("Ann <a@gmail.com>", "gmail"),
        ('"a@yahoo.com"@gmail.com', "gmail"),
        ("a@", "other"),
    ],
)
def test_the_domain_tells(address: str, due: str) -> None:
    """From the recipient, or from the user id where that is an address."""
    assert due == mailbox_provider({"recipient": address}, "u1")
    assert due == mailbox_provider({}, address)


@pytest.mark.parametrize(
    ("properties", "user_id", "due"),
    [
        ({}, "u1", None),
        ({"recipient": 5, "email": None, "to": "a@gmail.com"}, "u1", "gmail"),
        ({"recipient": "no address", "email": "a@icloud.com", "to": "a@gmail.com"}, "u1", "apple"),
        ({"recipient": "a@example.org"}, "b@gmail.com", "other"),
    ],
)
def test_where_the_address_is_looked_for(properties: dict[str, Any], user_id: str, due: str | None) -> None:
    """``recipient``, ``email``, ``to``, then the user id; none without an address."""
    assert due == mailbox_provider(properties, user_id)
