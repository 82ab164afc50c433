"""Folders of shards, lifted by processes or by Ray: what is done stays, what fails is named."""

from poselift.bulk.driver import Summary, lift_all
from poselift.bulk.lift import lift_shard
from poselift.bulk.work import Work

__all__ = ["Summary", "Work", "lift_all", "lift_shard"]
