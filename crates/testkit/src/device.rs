//! An MFA device in somebody's hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_credentials::totp::{self, Seed};
use iamd_types::Clock;

use crate::{Answer, Credentials, TestServer};

/// An MFA device that shows codes.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its serial number.
    pub serial: String,
    seed: Seed,
}

impl Device {
    /// The one in an answer of CreateVirtualMFADevice.
    pub fn of(answer: &Answer) -> Self {
        let base32 = STANDARD.decode(answer.text("Base32StringSeed")).unwrap();
        let seed = Seed::from_base32(std::str::from_utf8(&base32).unwrap()).unwrap();
        Self { serial: answer.text("SerialNumber"), seed }
    }

    /// A hardware device with this serial number and seed, in base32.
    pub fn with_seed(serial: &str, base32: &str) -> Self {
        Self { serial: serial.to_owned(), seed: Seed::from_base32(base32).unwrap() }
    }

    /// What it shows some time steps from now.
    pub fn code(&self, server: &TestServer, steps: i64) -> String {
        self.seed.code(totp::step_at(server.clock.now()) + steps).expose().clone()
    }
}

impl TestServer {
    /// A new virtual device, not assigned yet.
    pub async fn new_device(&self, credentials: &Credentials, name: &str) -> Device {
        let line = format!("CreateVirtualMFADevice VirtualMFADeviceName={name}");
        Device::of(&self.ask(credentials, &line).await.ok())
    }

    /// A virtual device that is assigned to this user, as of one time step ago.
    pub async fn device_of(&self, credentials: &Credentials, user: &str) -> Device {
        let device = self.new_device(credentials, user).await;
        let line = format!(
            "EnableMFADevice UserName={user} SerialNumber={} AuthenticationCode1={} \
             AuthenticationCode2={}",
            device.serial,
            device.code(self, -1),
            device.code(self, 0),
        );
        self.ask(credentials, &line).await.ok();
        self.clock.advance(30);
        device
    }
}
