"""What a gateway's journal says, read with SQLite alone: receipts, what they cost, what was promised and used for it."""
import json
import sqlite3
import sys

journal = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)


def planck(blob):
    return int.from_bytes(blob, "big")


tasks = {}
costs = {}
for task, miner, amount in journal.execute("SELECT task_id, miner, cost FROM receipts"):
    tasks[task.hex()] = tasks.get(task.hex(), 0) + 1
    costs[miner.hex()] = costs.get(miner.hex(), 0) + planck(amount)
costs = [{"miner": miner, "cost": str(cost)} for miner, cost in costs.items()]
used = sum(planck(amount) for (amount,) in journal.execute("SELECT cost FROM usage"))
promised = []
for miner, channel, amount in journal.execute("SELECT miner, channel, amount FROM channels"):
    promised.append({"miner": miner.hex(), "channel": channel.hex(), "amount": str(planck(amount))})
print(json.dumps({"tasks": tasks, "costs": costs, "used": str(used), "promised": promised}))
