"""Azure Key Vault as the keeper of a system certificate, by Microsoft's own SDK: `relay[azure]`.

A certificate in Key Vault is a secret as well, of the same name: the PKCS#12 file with its key, in base64. Who the
relay is to Azure, the SDK finds out from what the machine says: environment, workload identity, managed identity; it
never takes a person's login.
"""

import logging
from typing import Final

from relay.upstream.keeper import KeeperFault, decoded, not_installed, nothing_there, unreached, withheld

# Seconds, and times.
_CONNECT, _READ, _AGAIN = 3, 5, 1
_REMEDY: Final = "import the certificate as .pfx, with content type PKCS #12"
_PERSONS: Final = ("broker", "cli", "developer_cli", "powershell", "shared_token_cache", "visual_studio_code")


def fetch_from_key_vault(url: str) -> bytes:
    """Return the current version of the secret at https://VAULT/secrets/NAME, or /certificates/. Raises KeeperFault."""
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient
    except ImportError:
        raise not_installed("azure-keyvault-secrets or azure-identity", "azure") from None
    vault, _, name = url.rsplit("/", 2)
    # It tells standard error of each way that it tried in vain, whenever it is asked; the fault says enough.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    # All made anew each time: an identity that was mended counts without a restart.
    try:
        with (
            DefaultAzureCredential(
                **{f"exclude_{each}_credential": True for each in _PERSONS},
                connection_timeout=_CONNECT,
                read_timeout=_READ,
                retry_total=_AGAIN,
            ) as credential,
            SecretClient(
                vault,
                credential,
                connection_timeout=_CONNECT,
                read_timeout=_READ,
                retry_total=_AGAIN,
                retry_status=0,  # it would wait for as long as the vault says
                permit_redirects=False,  # the vault that is meant is the one that is asked
            ) as client,
        ):
            return decoded(client.get_secret(name).value or "", remedy=_REMEDY)
    except ClientAuthenticationError as error:
        detail = "Azure does not know who the relay is: give the machine a managed identity, or set AZURE_* variables"
        raise withheld(f"{detail} ({type(error).__name__})") from None
    except HttpResponseError as error:
        raise _told(error.status_code or 0) from None
    except AzureError as error:
        raise unreached(f"Azure Key Vault does not answer ({type(error).__name__})") from None
    except ValueError as error:
        raise withheld(
            f"what answers there is no Key Vault that Azure's software trusts ({type(error).__name__})"
        ) from None
    except KeeperFault:
        raise
    except Exception as error:  # noqa: BLE001  # its parser raises what it happens on, and may quote that
        raise unreached(f"Azure Key Vault's answer cannot be read ({type(error).__name__})") from None


def _told(status: int) -> KeeperFault:
    if status == 404:
        return nothing_there("the vault has no such secret or certificate (404)")
    if status == 429 or status >= 500:
        return unreached(f"Azure Key Vault gives no answer now ({status})")
    remedy = "the relay's identity needs the role Key Vault Secrets User, and the secret has to be enabled"
    return withheld(f"Azure Key Vault refuses it ({status}): {remedy}")
