"""`midstream topics create|list`."""

from __future__ import annotations

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings


@click.group()
def topics() -> None:
    """Create the topics from the reviewed table, or list them."""


@topics.command()
@click.option("--partitions", type=click.IntRange(min=1), help="Of each source topic and all after it.")
@with_settings
def create(settings: Settings, partitions: int | None) -> None:
    """Make what is missing, commit the groups' first offsets, write the Genesis once."""
    from streams.kafka.topics import create

    kafka = settings.with_kafka(partitions=partitions).kafka
    genesis = create(settings.connection(), kafka.partitions, kafka.replication)
    click.echo(f"{len(genesis.topics)} topics under {kafka.prefix!r}, {kafka.partitions} partitions")


@topics.command(name="list")
@with_settings
def list_topics(settings: Settings) -> None:
    """Print the table with what the cluster holds."""
    from streams.stages import TOPICS

    connection = settings.connection()
    existing = connection.topics()
    ends = connection.end_offsets(existing)
    for topic in TOPICS:
        retention = "for ever" if topic.days is None else f"{topic.days} days"
        if topic.name in existing:
            id_, partitions = existing[topic.name]
            records = sum(end for (name, _), end in ends.items() if name == topic.name)
            has = f"{partitions} partitions  {records:>9} records  {id_}"
        else:
            has = "missing"
        click.echo(f"{topic.name:<12} kept {retention:<9} up to {topic.max_bytes >> 20:>2} MiB  {has}  {topic.holds}")
