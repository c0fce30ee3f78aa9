"""What the data modules of both stages share: a checkpoint knows the shards that a run has learnt from."""

from __future__ import annotations

from typing import Any, ClassVar

import lightning

from kummell_ai.training.run_config import RunConfig
from kummell_ai.training.shards import ShardFacts, Shards, check_kept, described


class ShardedData(lightning.LightningDataModule):
    """Films or crops out of folders of shards, which may lie elsewhere and hold more when a run goes on.

    Attributes:
        begun: of a run that goes on, the shards it knew, by key of the configuration and file name.
    """

    TRAINED: ClassVar[str]
    """Key of the configuration that names the shards to train on."""

    SIMULATED: ClassVar[str]
    """Words for so many looks at simulated films."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.settings = config
        self.begun: dict[str, dict[str, ShardFacts]] = {}

    def readers(self) -> dict[str, Shards]:
        """What reads the folders, by key of the configuration."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """What the shards read so far are known by, for the checkpoint."""
        known = {key: {**self.begun.get(key, {}), **reader.known} for key, reader in self.readers().items()}
        return {key: {name: tuple(facts) for name, facts in shards.items()} for key, shards in known.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Whether the shards of the run that is gone on with are there.

        Raises:
            ConfigError: one is not, or is another.
        """
        self.begun = {key: facts_in(state_dict, key) for key in self.readers()}
        for key, reader in self.readers().items():
            check_kept(key, reader, self.begun[key], self.settings.runs)

    def note(self, *, begun: bool) -> str:
        """What the shards trained on say of their films; ``begun``: those alone that the run knew before."""
        return self.note_of(self.begun if begun else self.state_dict())

    @classmethod
    def note_of(cls, state: dict[str, Any]) -> str:
        """The same of a checkpoint's ``state``, as `state_dict` gives it."""
        return described(facts_in(state, cls.TRAINED).values(), cls.SIMULATED)


def facts_in(state: dict[str, Any], key: str) -> dict[str, ShardFacts]:
    """What the shards of ``key`` in a checkpoint are known by; empty where it says nothing of them."""
    return {name: ShardFacts(*facts) for name, facts in state.get(key, {}).items()}
