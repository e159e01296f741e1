"""AWS Secrets Manager as the keeper of a system certificate, by AWS' own SDK: `relay[aws]`.

Who the relay is to AWS, the SDK finds out as it does everywhere: environment, web identity, container, instance.
"""

from collections.abc import Mapping
from typing import Any, Final

from relay.upstream.keeper import KeeperFault, decoded, not_installed, nothing_there, unreached, withheld

# Seconds, and times.
_CONNECT, _READ = 3, 5
_RETRIES: Final = {"total_max_attempts": 2}
_REMEDY: Final = "store it with `aws secretsmanager put-secret-value --secret-binary fileb://system.p12`"
# The codes of Secrets Manager by which it says that it did not come to an answer.
_BUSY: Final = frozenset(("InternalServiceError", "RequestTimeout", "ServiceUnavailable", "ThrottlingException"))


class SecretsManager:
    """Asks for the secret of one keeper, one question at a time.

    The SDK's client takes 0.1 s of processor time to make, so it is kept for as long as it gets answers; then another
    is made, so that credentials that were mended count without a restart.
    """

    def __init__(self) -> None:
        self._client: Any = None

    def __repr__(self) -> str:
        return f"<SecretsManager {'known' if self._client else 'to be asked'}>"

    def fetch(self, arn: str) -> bytes:
        """Return the current version of the secret of this name. Raises KeeperFault."""
        try:
            return self._fetch(arn)
        except KeeperFault:
            self._client = None
            raise

    def _fetch(self, arn: str) -> bytes:
        try:
            import boto3
            from botocore import config, exceptions
        except ImportError:
            raise not_installed("boto3", "aws") from None
        try:
            if self._client is None:
                patience = config.Config(connect_timeout=_CONNECT, read_timeout=_READ, retries=_RETRIES)
                self._client = boto3.session.Session().client(
                    "secretsmanager", region_name=region_of(arn), config=patience
                )
            return _held(self._client.get_secret_value(SecretId=arn))
        except exceptions.ClientError as error:
            raise _told(error.response) from None
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise unreached(f"AWS Secrets Manager does not answer ({type(error).__name__})") from None
        except exceptions.NoCredentialsError:
            detail = "AWS does not know who the relay is: give the machine or container a role, or set AWS_* variables"
            raise withheld(detail) from None
        except (exceptions.BotoCoreError, ValueError) as error:
            raise withheld(f"AWS' software cannot ask for it ({type(error).__name__})") from None
        except KeeperFault:
            raise
        except Exception as error:  # noqa: BLE001  # its parser raises what it happens on, and may quote that
            raise unreached(f"AWS Secrets Manager's answer cannot be read ({type(error).__name__})") from None
        finally:
            if self._client is not None:
                self._client.close()  # its connections: by the next time they are stale


def region_of(arn: str) -> str:
    """Return the region that a secret is in."""
    return arn.split(":")[3]


def _held(answer: Mapping[str, Any]) -> bytes:
    if "SecretBinary" in answer:
        octets: bytes = answer["SecretBinary"]
        return octets
    return decoded(str(answer.get("SecretString", "")), remedy=_REMEDY)


def _told(answer: Mapping[str, Any]) -> KeeperFault:
    code, status = answer["Error"].get("Code", ""), answer["ResponseMetadata"].get("HTTPStatusCode", 0)
    if code == "ResourceNotFoundException":
        return nothing_there(f"AWS has no such secret there, or no version of it that is current ({code})")
    if code in _BUSY or status >= 500:
        return unreached(f"AWS Secrets Manager gives no answer now ({code})")
    remedy = "the relay's role needs secretsmanager:GetSecretValue on it, and kms:Decrypt on a key of your own"
    return withheld(f"AWS refuses it ({code}): {remedy}")
