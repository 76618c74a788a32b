"""What a restore program asks for and cannot get is refused before the disks are written."""

from __future__ import annotations

import pytest
from agent_machines import server

from rescue.values import SecretsNotSupported, refuse_secret_files
from sif.errors import Exit
from sif.model import Command, Phase


@pytest.mark.parametrize(("argv", "env", "refused"), [
    (("x", "${target}"), ("P=${hostname}",), False),
    (("x", "--password-file=${secretfile:a}"), (), True),
    (("x",), ("P=${secretfile:a}",), True),
])
def test_commands_that_want_secrets_are_refused(argv: tuple[str, ...], env: tuple[str, ...], refused: bool) -> None:
    command = Command(id="2000", phase=Phase.RESTORE, vendor="v", title="t", argv=argv, env=env)
    saved = server(commands=(command,))
    if not refused:
        refuse_secret_files(saved)
        return
    with pytest.raises(SecretsNotSupported, match="COMMAND 2000") as raised:
        refuse_secret_files(saved)
    assert raised.value.code is Exit.SIF_UNSUPPORTED
