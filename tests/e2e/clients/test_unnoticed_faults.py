"""Faults of a hub at which none of the clients complains: the conformance tests would."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.conformance import test_transfers as transfers
from tests.conformance.site import Site
from tests.e2e.clients import faults
from tests.e2e.clients.conftest import Shelf
from tests.e2e.clients.proxy import Fault, Proxy

is_redirected = partial(transfers.test_a_download_is_answered_with_an_address_and_never_with_the_bytes, extra={})
ends = partial(transfers.test_the_last_page_does_not_even_mention_a_next_one, path="/models")
Check = Callable[[Site], None]


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        (is_redirected, faults.BYTES_WITHOUT_REDIRECT),
        (is_redirected, faults.LOCATION_RELATIVE),
        (ends, faults.NEXT_PAGE_NULL),
        (transfers.test_the_bytes_come_under_one_plain_name, faults.NO_DISPOSITION),
        (transfers.test_the_bytes_come_under_one_plain_name, faults.NAME_ENCODED_AFTER),
        (transfers.test_a_range_that_begins_past_the_end_means_that_the_file_is_whole, faults.NO_416),
    ],
    ids=["bytes at once", "relative address", "null next page", "no name", "second name", "no 416"],
)
def test_is_noticed(proxy: Proxy, shelf: Shelf, check: Check, fault: Fault) -> None:
    site = Site(proxy.url, shelf.key)
    check(site)
    proxy.fault = fault
    with pytest.raises(AssertionError):
        check(site)
