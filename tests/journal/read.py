"""What a gateway's journal says, read with SQLite alone: receipts, what they cost, what was promised through channels."""
import json
import sqlite3
import sys

journal = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)


def planck(blob):
    return int.from_bytes(blob, "big")


tasks = {}
cost = 0
for task, amount in journal.execute("SELECT task_id, cost FROM receipts"):
    tasks[task.hex()] = tasks.get(task.hex(), 0) + 1
    cost += planck(amount)
promised = []
for miner, channel, amount in journal.execute("SELECT miner, channel, amount FROM channels"):
    promised.append({"miner": miner.hex(), "channel": channel.hex(), "amount": str(planck(amount))})
print(json.dumps({"tasks": tasks, "cost": str(cost), "promised": promised}))
