"""`chaos image`: server images made on this machine, for engines without a registry."""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

import click

from chaos.cli import options
from chaos.errors import EnvironmentLacks
from chaos.model.plan import ServerIdentity


@runtime_checkable
class BuildsImages(Protocol):
    """A driver that can make an image of a server from this machine's own binaries."""

    async def build_image(self, name: str) -> ServerIdentity: ...


@click.group("image")
def command() -> None:
    """Make server images from this machine's own binaries."""


@command.command("build", epilog="\b\nExample:\n  chaos image build redis")
@click.argument("name", default="redis")
@click.option("--driver", default="docker", show_default=True, help="The driver whose engine gets the image.")
def build(name: str, driver: str) -> None:
    """Make the image of the server NAME from the binaries that are installed here.

    It stands in, openly, wherever a scenario's image of that server cannot be pulled.
    """
    identity = asyncio.run(_build(name, driver))
    click.echo(f"made {identity.sentence}")


async def _build(name: str, driver: str) -> ServerIdentity:
    from chaos.drivers.driver import DRIVERS

    builder = DRIVERS.get(driver)(options.no_run())
    if not isinstance(builder, BuildsImages):
        raise EnvironmentLacks(f"the driver '{driver}' needs no images")
    await builder.open()
    try:
        return await builder.build_image(name)
    finally:
        await builder.close()
