"""The command line: each verb a file, each a few lines; a user's mistake is told in one place, never as a traceback."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from relay.errors import SettingsFault

# verb -> (where it lives, what it needs besides the relay itself, its one line of help)
VERBS: Final[Mapping[str, tuple[str, str | None, str]]] = {
    "serve": ("relay.cli.serve:serve", None, "Run the relay."),
    "check": ("relay.cli.check:check", None, "Build everything the settings name, without listening."),
    "doctor": ("relay.cli.doctor:doctor", None, "Walk the road of a call and say where it breaks."),
    "health": ("relay.cli.health:health", None, "Ask a running relay whether it is alive."),
    "certificate": ("relay.cli.certificate:certificate", None, "Explain a certificate file; roll a renewal back."),
    "client": ("relay.cli.client:client", None, "Keys for callers: make, replace, take away, list."),
    "guard": ("relay.cli.guard:guard", None, "See what is held or stopped, and let calls out again."),
    "reference": ("relay.cli.reference:reference", "reference", "Run the reference gate and registry."),
    "registry": ("relay.cli.registry:registry", "reference", "Take the registry's book out, or in."),
    "demo": ("relay.cli.demo:demo", "reference", "See the whole story on this machine."),
}


class Verbs(click.Group):
    """The verbs, each imported only when it is used: `relay serve` need not load a database library."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, wrapped so that faults of settings are told and not raised."""
        if cmd_name not in VERBS:
            return None
        place, extra, line = VERBS[cmd_name]
        module, _, attribute = place.partition(":")
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if extra is None or (error.name or "").startswith("relay"):
                raise
            command = _lacking(cmd_name, extra)
        command.short_help = line
        return command  # type: ignore[no-any-return]  # the table names commands only

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; tell every fault of the settings, each on a line with its key, and end with 1."""
        try:
            return super().invoke(ctx)
        except SettingsFault as fault:
            count = len(fault.faults)
            click.echo(f"{count} thing{'s' if count > 1 else ''} to mend:", err=True)
            for key, what in fault.faults:
                click.echo(f"  {key}: {what}", err=True)
            ctx.exit(1)


def _lacking(verb: str, extra: str) -> click.Command:
    """Return the verb as it is without what it needs: it stands in the help, and says what to install."""

    def say() -> None:
        # Not `pip install relay[...]`: under that name a registry may have something else.
        remedy = f"pip install --no-deps --require-hashes -r requirements/{extra}.txt"
        raise click.ClickException(f"`relay {verb}` needs more: {remedy}")

    whatever = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(verb, callback=say, add_help_option=False, context_settings=whatever)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="relay")
def main() -> None:
    """A relay with a fixed address between Dynamics 365 and VECOZO, and a reference gate to rehearse against."""
