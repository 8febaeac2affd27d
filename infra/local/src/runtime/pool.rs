//! The processes of one function. Each handles one event at a time; more are started as more events come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

use super::api::failure;
use super::instance::{Attempt, Instance, Ties, log_failure};
use super::spawner::Spawner;
use super::{Invocation, MAX_PROCESSES, Outcome, Program, Refused, Settings, WhenBusy};
use crate::faults::{Action, Service};
use crate::log::Level;

pub(super) struct Pool {
    program: Program,
    settings: Settings,
    spawner: Arc<Spawner>,
    permits: Semaphore,
    /// `None` after [`Pool::close`].
    idle: Mutex<Option<Vec<Instance>>>,
    stopped: watch::Receiver<bool>,
    alive: Mutex<Option<mpsc::Sender<()>>>,
}

impl Pool {
    pub(super) fn new(
        program: Program,
        settings: &Settings,
        spawner: Arc<Spawner>,
        stopped: watch::Receiver<bool>,
        alive: mpsc::Sender<()>,
    ) -> Self {
        Self {
            program,
            settings: settings.clone(),
            spawner,
            permits: Semaphore::new(MAX_PROCESSES),
            idle: Mutex::new(Some(Vec::new())),
            stopped,
            alive: Mutex::new(Some(alive)),
        }
    }

    /// Closes the pool: refuses events, and ends idle processes.
    pub(super) fn close(&self) {
        self.permits.close();
        lock(&self.idle).take();
        lock(&self.alive).take();
    }

    pub(super) async fn invoke(&self, invocation: Invocation) -> Result<Outcome, Refused> {
        let _permit = match invocation.when_busy {
            WhenBusy::Wait => self.permits.acquire().await.map_err(|_| Refused::Stopping)?,
            WhenBusy::Throttle => self.permits.try_acquire().map_err(|error| match error {
                tokio::sync::TryAcquireError::Closed => Refused::Stopping,
                tokio::sync::TryAcquireError::NoPermits => Refused::TooManyRequests,
            })?,
        };
        // A process that died while idle must not fail an invocation.
        while let Some(mut instance) = self.take_idle() {
            match instance.run(&self.program.function, &invocation).await {
                Attempt::NotTaken(_) => {}
                attempt => return self.conclude(instance, attempt),
            }
        }
        let mut instance = match self.start().await {
            Ok(instance) => instance,
            Err(error) => return error,
        };
        let attempt = instance.run(&self.program.function, &invocation).await;
        self.conclude(instance, attempt)
    }

    async fn start(&self) -> Result<Instance, Result<Outcome, Refused>> {
        let alive = lock(&self.alive).clone().ok_or(Err(Refused::Stopping))?;
        let ties = Ties { stopped: self.stopped.clone(), alive };
        let function = &self.program.function;
        let action = self.settings.faults.decide(&function.binary, Service::Lambda, "Spawn");
        if let Some(Action::DelayMs(delay)) = action {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let started = Instance::start(&self.program, &self.settings, &self.spawner, ties).await;
        let instance = started.map_err(|error| {
            let text = format!("{error:#}");
            self.settings.log.line(&function.binary, Level::Error, &text);
            Ok(failure("Runtime.InvalidEntrypoint", &text))
        })?;
        if action == Some(Action::KillBefore) {
            instance.end().await;
        }
        Ok(instance)
    }

    fn take_idle(&self) -> Option<Instance> {
        let mut idle = lock(&self.idle);
        let idle = idle.as_mut()?;
        idle.retain(|instance| !instance.is_gone());
        idle.pop()
    }

    /// Keeps a living process for the next event, and logs a failure.
    fn conclude(&self, instance: Instance, attempt: Attempt) -> Result<Outcome, Refused> {
        match attempt {
            Attempt::Responded(outcome) => {
                if let Some(idle) = lock(&self.idle).as_mut() {
                    idle.push(instance);
                }
                if outcome.failed {
                    log_failure(&self.settings.log, &self.program.function, &outcome);
                }
                Ok(outcome)
            }
            // The end of the cloud killed the process; the function did not fail.
            Attempt::Ended(_) | Attempt::NotTaken(_) if *self.stopped.borrow() => Err(Refused::Stopping),
            Attempt::Ended(outcome) | Attempt::NotTaken(outcome) => {
                log_failure(&self.settings.log, &self.program.function, &outcome);
                Ok(outcome)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
