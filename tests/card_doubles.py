"""What the processes of a run on a GPU may do, without a model: `card.run.Run(work=...)`."""

import os
import time

from card.plan import START, Item
from card.rows import Row


def works(connection, given):
    """Measure each row; what its name says happens to some. Notes tell which rows were saved."""
    os.setsid()
    start = Item(given.stage.name, START)
    connection.send(start)
    if given.stage.shape == "broken":
        raise SystemExit(3)
    saved = given.stem.with_name(f"{given.stem.name}.json")

    def tell(row):
        connection.send(row)
        # What comes next begins when this row is saved.
        while not saved.exists() or f'"{row.name}"' not in saved.read_text(encoding="utf-8"):
            time.sleep(0.01)

    tell(Row(name=start.name, status="measured", budget=START))
    for item in given.stage.items:
        connection.send(item)
        if item.name.endswith("hangs"):
            time.sleep(600)
        if item.name.endswith("dies"):
            os._exit(7)
        known = saved.read_text(encoding="utf-8").count('"name"')
        tell(Row(name=item.name, status="measured", note=str(known), budget=item.budget))
