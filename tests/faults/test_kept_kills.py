"""What the long test found when it was last run."""

from __future__ import annotations

import json

from tests.faults import workers
from tests.faults.test_kills import KILLS, RESULTS


def test_the_kept_result_is_of_twenty_kills_of_every_method_and_all_were_equal() -> None:
    kept = json.loads(RESULTS.read_text())
    assert set(kept["methods"]) == set(workers.METHODS)
    for of_method in kept["methods"].values():
        assert len(of_method["kills"]) == KILLS and of_method["equal"]
        assert sum(k["while_writing"] for k in of_method["kills"]) >= 5
        assert len({k["after_step"] for k in of_method["kills"]}) >= KILLS / 2
