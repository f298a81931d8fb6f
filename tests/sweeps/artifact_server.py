"""A Weights & Biases server in memory that takes any run, and artifacts."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sweeps.server import Json, Run, Server


@dataclass
class Version:
    """A version of an artifact.

    Args:
        name: the artifact's.
        kind: its type.
        digest: of its content.
        metadata: what is known of it.
        aliases: names of the version; another version may take them over.
        files: their contents by name.
        manifest: the content's list, with each file's MD5.
    """

    name: str
    kind: str
    digest: str
    metadata: Json
    aliases: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    manifest: Json = field(default_factory=dict)
    is_committed: bool = False


class ArtifactServer(Server):
    """Like `Server`, but any run may start, and artifacts are kept; the arguments are the same."""

    def __init__(
        self,
        trials: Sequence[Json] = (),
        stops: Callable[[Run], bool] = lambda run: False,
        port: int = 0,
    ) -> None:
        super().__init__(trials, stops, port)
        self.versions: list[Version] = []
        self._known |= {
            "ArtifactType": self._artifact_type,
            "CommitArtifact": self._commit,
            "CreateArtifact": self._take_version,
            "CreateArtifactFiles": self._artifact_addresses,
            "CreateArtifactManifest": self._manifest_address,
        }

    def of_kind(self, kind: str) -> list[Version]:
        """The versions of all artifacts of a type, such as ``model``, in their order."""
        return [each for each in self.versions if each.kind == kind]

    def take_file(self, run: str, name: str, content: bytes) -> None:
        """Keep a file of a run or of a version."""
        if not run.startswith("version-"):
            super().take_file(run, name, content)
            return
        with self._lock:
            version = self._version(run)
            if name == "wandb_manifest.json":
                version.manifest = json.loads(content)
            else:
                version.files[name] = content

    def _resume_status(self, asked: Json) -> Json:
        self.runs.setdefault(asked["name"], Run(asked["name"], {}, ""))
        return super()._resume_status(asked)

    def _take_run(self, asked: Json) -> Json:
        self.runs.setdefault(asked["name"], Run(asked["name"], {}, ""))
        return super()._take_run(asked)

    def _artifact_type(self, asked: Json) -> Json:
        name = asked["name"].split(":")[0]
        kinds = [each.kind for each in self.versions if each.name == name]
        artifact = {"artifactType": {"name": kinds[0]}} if kinds else None
        return {"project": {"artifact": artifact}}

    def _take_version(self, asked: Json) -> Json:
        given = asked["input"]
        name, digest = given["artifactCollectionName"], given["digest"]
        same = [each for each in self.versions if each.name == name]
        known = [each for each in same if each.digest == digest]
        metadata = json.loads(given["metadata"] or "{}")
        version = known[0] if known else Version(name, given["artifactTypeName"], digest, metadata)
        if not known:
            self.versions.append(version)
        # The newest version is the latest, whatever is asked.
        aliases = {each["alias"] for each in given["aliases"]} | (set() if known else {"latest"})
        for each in same:
            each.aliases -= aliases
        version.aliases |= aliases
        state = "COMMITTED" if version.is_committed else "PENDING"
        answer = {"id": self._id(version), "state": state}
        return {"createArtifact": {"artifact": {**answer, "artifactSequence": {}}}}

    def _artifact_addresses(self, asked: Json) -> Json:
        nodes = []
        for each in asked["input"]["artifactFiles"]:
            address = self._address(each["artifactID"], each["name"])
            node = {**address, "storagePath": each["name"], "uploadMultipartUrls": None}
            nodes.append({"node": {**node, "artifact": {"id": each["artifactID"]}}})
        return {"createArtifactFiles": {"files": {"edges": nodes}}}

    def _manifest_address(self, asked: Json) -> Json:
        version = asked["artifactID"]
        file = {"id": "1", **self._address(version, "wandb_manifest.json")}
        return {"createArtifactManifest": {"artifactManifest": {"id": version, "file": file}}}

    def _commit(self, asked: Json) -> Json:
        version = self._version(asked["artifactID"])
        digests = {name: _digest(content) for name, content in version.files.items()}
        listed = {name: each["digest"] for name, each in version.manifest["contents"].items()}
        version.is_committed = digests == listed
        if not version.is_committed:
            self.unknown.append(f"the files of {version.name} are not those that it lists")
        artifact = {"id": asked["artifactID"], "digest": version.digest}
        return {"commitArtifact": {"artifact": artifact}}

    def _address(self, version: str, name: str) -> Json:
        return {"uploadUrl": f"{self.url}/{version}/{name}", "uploadHeaders": []}

    def _id(self, version: Version) -> str:
        return f"version-{self.versions.index(version)}"

    def _version(self, identity: str) -> Version:
        return self.versions[int(identity.removeprefix("version-"))]


def _digest(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()
