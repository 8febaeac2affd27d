//! The whole cloud: starts its parts in order, and stops them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::access::Access;
use crate::account::REGION;
use crate::calls::Calls;
use crate::clock::Clock;
use crate::data::DataFolder;
use crate::dynamodb::DynamoDb;
use crate::faults::{Faults, Rules};
use crate::function_log::FunctionLog;
use crate::gateway::{self, Gateway};
use crate::iam::Policies;
use crate::identity::{Identities, ROOT};
use crate::invoke;
use crate::listeners::Listeners;
use crate::log::{Level, Log};
use crate::options::Options;
use crate::ready::{Ready, wait_for_response};
use crate::runtime::{self, Jail, Lambda, LayerFile};
use crate::services::{Services, Tasks, only_bucket};
use crate::setup;
use crate::template::{self, Model, Surroundings};
use crate::triggers::{Asynchronous, ObjectTrigger, QueueTrigger, RETRY_DELAYS, Schedules};

/// The file that exists while every service responds.
const READY: &str = "ready.json";

/// The file that lists the parts of the template without effect here.
const WITHOUT_EFFECT: &str = "without-effect.txt";

/// The interval at which expired items are deleted.
const TTL_SWEEP_PERIOD: Duration = Duration::from_secs(60);

/// The cloud's own name in the log.
const SELF: &str = "files-local";

/// Runs the cloud until `stop` completes, then ends every process that it started.
///
/// # Errors
/// The cloud cannot start, or a part of it fails permanently.
pub async fn run(options: &Options, log: &Log, stop: impl Future<Output = ()>) -> Result<()> {
    let mut data = DataFolder::open(&options.data)?;
    data.remove(READY)?;
    let functions = FunctionLog::open(data.path()).context("cannot write the functions' log")?;
    let log = &log.keeping(functions);
    let mut cloud = Cloud { options, log, tasks: Tasks::new(), lambda: None };
    let outcome = tokio::select! {
        outcome = cloud.work(&mut data) => outcome,
        () = stop => Ok(()),
    };
    let removed = data.remove(READY);
    cloud.tasks.shutdown().await;
    if let Some(lambda) = cloud.lambda {
        lambda.stop().await;
    }
    outcome.and(removed)
}

struct Cloud<'a> {
    options: &'a Options,
    log: &'a Log,
    tasks: Tasks,
    /// Set as soon as processes of functions may run.
    lambda: Option<Lambda>,
}

/// The work that the template and the options describe.
struct Plan {
    model: Model,
    jail: Jail,
    layers: Vec<LayerFile>,
    /// Faults, injected as soon as the start is complete.
    rules: Option<Rules>,
}

/// State that all parts of the cloud share.
struct Shared {
    access: Access,
    clock: Clock,
    faults: Faults,
}

impl Cloud<'_> {
    /// Starts everything, and returns when a part ends.
    async fn work(&mut self, data: &mut DataFolder) -> Result<()> {
        let listeners = Listeners::bind(self.options.port, data).await?;
        let plan = self.plan(&listeners, data)?;
        let shared = self.shared(&plan.model, data)?;
        let ready = self.ready(&listeners, &plan.model, &shared.access.identities);
        let addresses = listeners.addresses();
        self.start(listeners, &plan, &shared, data)?;
        for address in addresses {
            wait_for_response(&address).await?;
        }
        if let Some(command) = &self.options.setup {
            setup::run(command, &ready, data.path()).await?;
        }
        // The calls during the start belong to no function, and get no injected faults.
        shared.access.calls.clear();
        if let (Some(rules), Some(argument)) = (plan.rules, &self.options.faults) {
            shared.faults.add(rules);
            self.log.line(SELF, Level::Warn, &format!("fault injection is on: {argument}"));
        }
        data.write_secret(READY, &serde_json::to_string_pretty(&ready)?)?;
        self.log.plain(&format!("\n  {} is ready. Ctrl-C stops it.\n", ready.api));
        match self.tasks.join_next().await {
            Some(ended) => ended?.and_then(|()| bail!("a part of the cloud has ended")),
            None => Ok(()),
        }
    }

    /// Reads the template and the options.
    fn plan(&self, listeners: &Listeners, data: &DataFolder) -> Result<Plan> {
        let jail = detect_jail(self.options.emulated, self.log)?;
        let model = self.model(listeners, data)?;
        let rules = self.options.faults.as_deref().map(Rules::from_argument).transpose()?;
        Ok(Plan { model, jail, layers: self.options.layer_files()?, rules })
    }

    /// Reads the template, and logs which parts of it do not run here.
    fn model(&self, listeners: &Listeners, data: &DataFolder) -> Result<Model> {
        let file = self.options.template()?;
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let value = |value: &String| value.replace("{api}", &listeners.api_url);
        let parameters = self.options.parameters.iter().map(|(name, text)| (name.clone(), value(text)));
        let around = Surroundings {
            parameters: parameters.collect::<BTreeMap<_, _>>(),
            sqs_url: listeners.endpoints.sqs.clone(),
            api_url: listeners.api_url.clone(),
        };
        let model =
            template::load(&text, &around).with_context(|| format!("{} cannot be run", file.display()))?;
        for line in model.notices.not_run_lines() {
            self.log.line(SELF, Level::Info, &line);
        }
        let without_effect = model.notices.without_effect_lines();
        let list = without_effect.iter().map(|line| format!("{line}\n")).collect::<String>();
        data.write_secret(WITHOUT_EFFECT, &list)?;
        if !without_effect.is_empty() {
            let (count, list) = (without_effect.len(), data.file(WITHOUT_EFFECT));
            let text = format!(
                "{count} kinds of resources and properties have no effect here: see {}",
                list.display()
            );
            self.log.line(SELF, Level::Info, &text);
        }
        Ok(model)
    }

    fn shared(&self, model: &Model, data: &DataFolder) -> Result<Shared> {
        let mut policies = Policies::of(model.principals());
        if let Some(folder) = &self.options.record_requests {
            policies = policies.recorded_in(folder)?;
        }
        let access = Access {
            identities: data.identities()?,
            calls: Arc::new(Calls::default()),
            policies,
            region: REGION.to_owned(),
        };
        Ok(Shared { access, clock: Clock::open(&data.file("clock"))?, faults: Faults::default() })
    }

    fn ready(&self, listeners: &Listeners, model: &Model, identities: &Identities) -> Ready {
        let (endpoints, keys) = (listeners.endpoints.clone(), identities.keys(ROOT));
        Ready {
            api: listeners.api_url.clone(),
            s3: endpoints.s3,
            dynamodb: endpoints.dynamodb,
            sqs: endpoints.sqs,
            eventbridge: endpoints.eventbridge,
            lambda: endpoints.lambda,
            resources: model.resources.clone(),
            region: REGION.to_owned(),
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
        }
    }

    /// Starts the services, the functions, their triggers and the gateway.
    fn start(&mut self, listeners: Listeners, plan: &Plan, shared: &Shared, data: &DataFolder) -> Result<()> {
        let Shared { access, clock, faults } = shared;
        let lambda = self.start_lambda(&listeners, plan, shared)?;
        let services = Services::open(data.path(), &plan.model, access, clock, faults)?;
        services.serve(listeners.services, access, &mut self.tasks)?;
        let expiry = delete_expired_items(services.dynamodb.clone(), clock.clone(), self.log.clone());
        self.tasks.spawn(expiry);
        let asynchronous =
            Asynchronous::new(lambda.clone(), services.sqs.clone(), RETRY_DELAYS, self.log.clone());
        let functions = &plan.model.functions;
        let events = asynchronous.clone();
        self.tasks.spawn(invoke::serve(lambda.clone(), events, functions, listeners.lambda, access.clone()));
        let schedules = self.start_triggers(&plan.model, &services, &lambda, asynchronous)?;
        let gateway = gateway::Settings {
            cors: plan.model.cors.clone(),
            authority: listeners.api_url.trim_start_matches("http://").to_owned(),
            lambda,
            calls: access.calls.clone(),
            schedules,
            events: services.eventbridge.clone(),
            web: self.options.web.clone(),
            log: self.log.clone(),
        };
        self.tasks.spawn(Gateway::new(gateway, functions)?.serve(listeners.api));
        Ok(())
    }

    fn start_lambda(&mut self, listeners: &Listeners, plan: &Plan, shared: &Shared) -> Result<Lambda> {
        let settings = runtime::Settings {
            functions: self.options.functions()?,
            jail: plan.jail.clone(),
            layers: plan.layers.clone(),
            faults: shared.faults.clone(),
            identities: shared.access.identities.clone(),
            endpoints: listeners.endpoints.clone(),
            xray_daemon: self.options.xray_daemon,
            log: self.log.clone(),
        };
        let lambda = Lambda::new(&settings, &plan.model.functions)?;
        self.lambda = Some(lambda.clone());
        Ok(lambda)
    }

    /// Starts the event sources besides the API: objects, queues and schedules.
    fn start_triggers(
        &mut self,
        model: &Model,
        services: &Services,
        lambda: &Lambda,
        asynchronous: Asynchronous,
    ) -> Result<Schedules> {
        let (functions, Services { s3, sqs, .. }) = (&model.functions, services);
        let bucket = &only_bucket(model)?.name;
        let objects =
            ObjectTrigger::new(s3.clone(), bucket, functions, asynchronous.clone(), self.log.clone());
        self.tasks.spawn(without_end(objects.run()));
        for function in functions {
            for source in &function.queue_sources {
                let queue =
                    QueueTrigger::new(sqs.clone(), lambda.clone(), function, source, self.log.clone());
                self.tasks.spawn(without_end(queue.run()));
            }
        }
        let schedules = Schedules::new(functions, lambda.clone(), asynchronous);
        self.tasks.spawn(without_end(schedules.clone().run()));
        Ok(schedules)
    }
}

/// Detects how far functions can be confined as Lambda confines them, and logs what this machine cannot do.
fn detect_jail(emulated: bool, log: &Log) -> Result<Jail> {
    let jail = if emulated { Jail::detect_emulated() } else { Jail::detect() }?;
    for missing in jail.missing() {
        log.line(SELF, Level::Warn, &format!("allows more than Lambda: {missing}"));
    }
    Ok(jail)
}

/// Runs a trigger. A trigger without work, such as schedules of a template without any, does not count as ended.
async fn without_end(trigger: impl Future<Output = ()>) -> Result<()> {
    trigger.await;
    std::future::pending().await
}

/// Deletes expired items every minute; DynamoDB itself takes longer.
async fn delete_expired_items(dynamodb: DynamoDb, clock: Clock, log: Log) -> Result<()> {
    loop {
        clock.sleep(TTL_SWEEP_PERIOD).await;
        let dynamodb = dynamodb.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || dynamodb.sweep_ttl()).await {
            log.line("dynamodb", Level::Error, &format!("expired items cannot be deleted: {error:#}"));
        }
    }
}
