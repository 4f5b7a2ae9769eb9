"""Devices that show one-time codes, as people hold them."""

import base64
import hashlib
import hmac
import struct
import time

STEP = 30


def code(seed, step):
    """RFC 6238, as an authenticator application does it."""
    tag = hmac.new(base64.b32decode(seed), struct.pack(">q", step), hashlib.sha1).digest()
    offset = tag[-1] & 0xF
    return f"{(struct.unpack('>I', tag[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Device:
    """A device that is assigned to a user; its next code is a new one."""

    def __init__(self, account, user, serial, seed):
        self.serial, self.seed = serial, seed
        step = int(time.time()) // STEP
        account.root.iam.enable_mfa_device(
            UserName=user,
            SerialNumber=serial,
            AuthenticationCode1=code(seed, step - 1),
            AuthenticationCode2=code(seed, step),
        )
        self.next_step = step + 1

    def code(self):
        """One step ahead of the clock is within what the server takes."""
        return code(self.seed, self.next_step)


class Phone(Device):
    """A virtual device."""

    def __init__(self, account, user, name=None):
        made = account.root.iam.create_virtual_mfa_device(VirtualMFADeviceName=name or user)["VirtualMFADevice"]
        self.picture = made["QRCodePNG"]
        super().__init__(account, user, made["SerialNumber"], made["Base32StringSeed"].decode())
