//! Puts the parts together, and takes them apart again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::access::Access;
use crate::account::{ACCOUNT_ID, REGION};
use crate::calls::Calls;
use crate::clock::Clock;
use crate::data::DataFolder;
use crate::dynamodb::DynamoDb;
use crate::faults::{Faults, Rules};
use crate::first_key::first_key;
use crate::gateway::{self, Gateway};
use crate::iam::Policies;
use crate::identity::ROOT;
use crate::log::{Level, Log};
use crate::options::{Options, ffprobe};
use crate::ready::{Ready, answers};
use crate::runtime::{self, Endpoints, Jail, Lambda, LayerFile};
use crate::s3::{self, CorsRule, S3};
use crate::sqs::{QueueDefinition, Redrive, Sqs};
use crate::template::{self, Bucket, BucketCors, Model, Queue, Surroundings, Table};
use crate::triggers::{Asynchronous, ObjectTrigger, QueueTrigger, RETRY_DELAYS, Schedules};

/// The file that says that everything answers, and where.
const READY: &str = "ready.json";

/// How often items whose time to live is over are removed.
const TTL_SWEEP: Duration = Duration::from_secs(60);

/// Everything that runs beside the functions' processes; each part runs until it is dropped.
type Tasks = JoinSet<Result<()>>;

/// Runs the cloud until `stop` is done, then ends every process that it started.
///
/// # Errors
/// It cannot start, or a part of it fails for good.
pub async fn run(options: &Options, log: &Log, stop: impl Future<Output = ()>) -> Result<()> {
    let mut data = DataFolder::open(&options.data)?;
    data.remove(READY)?;
    let mut tasks = Tasks::new();
    let mut lambda = None;
    let work = async {
        let ready = start(options, &mut data, log, &mut tasks, &mut lambda).await?;
        data.write_secret(READY, &serde_json::to_string_pretty(&ready)?)?;
        ready.show(log);
        match tasks.join_next().await {
            Some(ended) => ended?.and_then(|()| bail!("a part of the cloud has ended")),
            None => Ok(()),
        }
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = stop => Ok(()),
    };
    let removed = data.remove(READY);
    tasks.shutdown().await;
    if let Some(lambda) = lambda {
        lambda.stop().await;
    }
    outcome.and(removed)
}

/// The listeners and their addresses.
struct Listeners {
    api: TcpListener,
    s3: TcpListener,
    dynamodb: TcpListener,
    sqs: TcpListener,
    lambda: TcpListener,
    api_url: String,
    endpoints: Endpoints,
}

impl Listeners {
    async fn bind(options: &Options, data: &mut DataFolder) -> Result<Self> {
        let api = TcpListener::bind(("127.0.0.1", options.port)).await.with_context(|| {
            format!("port {} of the API cannot be used; take another with --port, or 0 for any", options.port)
        })?;
        let (s3, dynamodb) = (data.listen("s3").await?, data.listen("dynamodb").await?);
        let (sqs, lambda) = (data.listen("sqs").await?, data.listen("lambda").await?);
        let url = |listener: &TcpListener| anyhow::Ok(format!("http://{}", listener.local_addr()?));
        let endpoints =
            Endpoints { s3: url(&s3)?, dynamodb: url(&dynamodb)?, sqs: url(&sqs)?, lambda: url(&lambda)? };
        Ok(Self { api_url: url(&api)?, api, s3, dynamodb, sqs, lambda, endpoints })
    }
}

async fn start(
    options: &Options,
    data: &mut DataFolder,
    log: &Log,
    tasks: &mut Tasks,
    running: &mut Option<Lambda>,
) -> Result<Ready> {
    let listeners = Listeners::bind(options, data).await?;
    let jail = detect_jail(options.emulated, log)?;
    let layers = layers(log);
    let model = read_template(options, &listeners, &jail, &layers, log)?;
    let (table, keys_table) = (named(&model.tables, "FilesTable")?, named(&model.tables, "KeysTable")?);
    let bucket = only(&model.buckets, "bucket")?;
    let (identities, calls) = (data.identities()?, Arc::new(Calls::default()));
    let endpoints = listeners.endpoints.clone();
    let functions = options.functions()?;
    let argument = options.faults.as_deref();
    // In force only once everything has started: the start is no function's.
    let rules = argument.map(Rules::from_argument).transpose()?;
    let (faults, clock) = (Faults::default(), Clock::open(&data.file("clock"))?);
    let settings = runtime::Settings {
        functions,
        jail,
        layers,
        faults: faults.clone(),
        identities: identities.clone(),
        endpoints: endpoints.clone(),
        log: log.clone(),
    };
    let lambda = Lambda::new(&settings, &model.functions)?;
    *running = Some(lambda.clone());

    let mut policies = Policies::of(&model.functions);
    if let Some(folder) = &options.record_requests {
        policies = policies.recorded_in(folder)?;
    }
    let region = REGION.to_owned();
    let access = Access { identities: identities.clone(), calls: calls.clone(), policies, region };
    let sqs = open_sqs(data, &model.queues, clock.clone())?.with_faults(faults.clone());
    tasks.spawn(sqs.clone().serve(listeners.sqs, access.clone(), endpoints.sqs.clone()));
    let asynchronous = Asynchronous::new(lambda.clone(), sqs.clone(), RETRY_DELAYS, log.clone());
    let (functions, address) = (&model.functions, listeners.lambda);
    tasks.spawn(runtime::serve(lambda.clone(), asynchronous, functions, address, access.clone()));
    let dynamodb = open_dynamodb(data, &model.tables, clock.clone())?.with_faults(faults.clone());
    tasks.spawn(dynamodb.clone().serve(listeners.dynamodb, access.clone()));
    tasks.spawn(sweep_ttl(dynamodb, clock, log.clone()));
    let s3 = open_s3(data, bucket, &access)?.with_faults(faults.clone());
    tasks.spawn(s3.clone().serve(listeners.s3));

    let calls_so_far = calls.clone();
    let schedules = start_triggers(&model, bucket, &s3, &sqs, &lambda, log, tasks);
    let authority = listeners.api_url.trim_start_matches("http://").to_owned();
    let (cors, page) = (model.cors.clone(), options.page()?);
    let gateway = gateway::Settings { cors, authority, lambda, calls, schedules, page, log: log.clone() };
    tasks.spawn(Gateway::new(gateway, &model.functions)?.serve(listeners.api));

    for address in [&listeners.api_url, &endpoints.s3, &endpoints.dynamodb, &endpoints.sqs, &endpoints.lambda]
    {
        answers(address).await?;
    }
    let keys = identities.keys(ROOT);
    let api_key = first_key(data, &endpoints.dynamodb, &keys, &keys_table.name).await?;
    // What the start itself asked for is nobody's call.
    calls_so_far.clear();
    if let (Some(rules), Some(argument)) = (rules, argument) {
        faults.add(rules);
        log.line("files-local", Level::Warn, &format!("hostile: faults {argument}"));
    }
    Ok(Ready {
        api: format!("{}/v1", listeners.api_url),
        api_key,
        s3: endpoints.s3,
        dynamodb: endpoints.dynamodb,
        probe_queue: probe_queue(&model.queues, &endpoints.sqs),
        sqs: endpoints.sqs,
        lambda: endpoints.lambda,
        bucket: bucket.name.clone(),
        table: table.name.clone(),
        keys_table: keys_table.name.clone(),
        region: REGION.to_owned(),
        access_key_id: keys.access_key_id,
        secret_access_key: keys.secret_access_key,
    })
}

/// How functions are held to what Lambda allows. Says what this machine cannot do of it.
fn detect_jail(emulated: bool, log: &Log) -> Result<Jail> {
    let jail = if emulated { Jail::detect_emulated() } else { Jail::detect() }?;
    for missing in jail.missing() {
        log.line("files-local", Level::Warn, &format!("kinder than Lambda: {missing}"));
    }
    Ok(jail)
}

/// What is in the functions' layers.
fn layers(log: &Log) -> Vec<LayerFile> {
    match ffprobe() {
        Ok(file) => vec![LayerFile { at: "bin/ffprobe".into(), file }],
        Err(error) => {
            log.line("files-local", Level::Warn, &format!("files will have no metadata: {error}"));
            Vec::new()
        }
    }
}

/// Reads the template, and says what of it does not run here.
fn read_template(
    options: &Options,
    listeners: &Listeners,
    jail: &Jail,
    layers: &[LayerFile],
    log: &Log,
) -> Result<Model> {
    let file = options.template()?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let hosts = options.allow_import_hosts.join(",");
    let mut parameters = BTreeMap::from([
        ("PublicUrl".to_owned(), listeners.api_url.clone()),
        ("AllowImportHosts".to_owned(), hosts),
    ]);
    parameters.extend(options.parameters.iter().cloned());
    // Where functions have no `/opt`, the layer's file is where it is on this machine.
    if let Some(layer) = layers.first().filter(|_| !jail.keeps_apart()) {
        parameters.insert("FfprobePath".to_owned(), layer.file.display().to_string());
    }
    let around = Surroundings {
        parameters,
        sqs_url: listeners.endpoints.sqs.clone(),
        api_url: listeners.api_url.clone(),
    };
    let model =
        template::load(&text, &around).with_context(|| format!("{} cannot be run", file.display()))?;
    for line in model.notices.lines() {
        log.line("files-local", Level::Info, &line);
    }
    Ok(model)
}

/// The URL of the queue that asks for probes; empty if the template has none.
fn probe_queue(queues: &[Queue], endpoint: &str) -> String {
    let name = queues.iter().map(|queue| &queue.name).find(|name| name.ends_with("ProbeQueue"));
    name.map(|name| format!("{endpoint}/{ACCOUNT_ID}/{name}")).unwrap_or_default()
}

/// The table of this logical id.
fn named<'a>(tables: &'a [Table], id: &str) -> Result<&'a Table> {
    let found = tables.iter().find(|table| table.logical_id == id);
    found.with_context(|| format!("the template has no table {id}"))
}

fn only<'a, T>(all: &'a [T], what: &str) -> Result<&'a T> {
    match all {
        [one] => Ok(one),
        _ => bail!("the local cloud runs one {what}; the template has {}", all.len()),
    }
}

fn open_sqs(data: &DataFolder, queues: &[Queue], clock: Clock) -> Result<Sqs> {
    let sqs = Sqs::open_with(&data.file("sqs.sqlite"), clock)?;
    for queue in queues {
        let redrive = queue.redrive.clone();
        sqs.ensure_queue(QueueDefinition {
            name: queue.name.clone(),
            visibility_timeout: queue.visibility_timeout,
            retention: queue.retention,
            redrive: redrive.map(|(target, max_receive_count)| Redrive { target, max_receive_count }),
        })?;
    }
    Ok(sqs)
}

fn open_dynamodb(data: &DataFolder, tables: &[Table], clock: Clock) -> Result<DynamoDb> {
    let dynamodb = DynamoDb::open(&data.file("dynamodb.sqlite"))?.with_clock(clock);
    for table in tables {
        dynamodb.ensure_table(table.create.clone(), table.ttl_attribute.as_deref())?;
    }
    Ok(dynamodb)
}

fn open_s3(data: &DataFolder, bucket: &Bucket, access: &Access) -> Result<S3> {
    S3::open(s3::Settings {
        data: data.file("s3"),
        bucket: bucket.name.clone(),
        region: REGION.to_owned(),
        cors: bucket.cors.iter().map(cors_rule).collect(),
        identities: access.identities.clone(),
        policies: access.policies.clone(),
        calls: access.calls.clone(),
    })
}

fn cors_rule(rule: &BucketCors) -> CorsRule {
    CorsRule {
        allowed_origins: rule.allowed_origins.clone(),
        allowed_methods: rule.allowed_methods.clone(),
        allowed_headers: rule.allowed_headers.clone(),
        exposed_headers: rule.exposed_headers.clone(),
        max_age_seconds: rule.max_age_seconds,
    }
}

/// Objects, queues and schedules begin to invoke functions.
fn start_triggers(
    model: &Model,
    bucket: &Bucket,
    s3: &S3,
    sqs: &Sqs,
    lambda: &Lambda,
    log: &Log,
    tasks: &mut Tasks,
) -> Schedules {
    let functions = &model.functions;
    let asynchronous = Asynchronous::new(lambda.clone(), sqs.clone(), RETRY_DELAYS, log.clone());
    let objects = ObjectTrigger::new(s3.clone(), &bucket.name, functions, asynchronous.clone(), log.clone());
    tasks.spawn(forever(objects.run()));
    for function in functions {
        for source in &function.queue_sources {
            let queue = QueueTrigger::new(sqs.clone(), lambda.clone(), function, source, log.clone());
            tasks.spawn(forever(queue.run()));
        }
    }
    let schedules = Schedules::new(functions, lambda.clone(), asynchronous);
    tasks.spawn(forever(schedules.clone().run()));
    schedules
}

/// What has nothing to do (no schedules) is no part that failed.
async fn forever(part: impl Future<Output = ()>) -> Result<()> {
    part.await;
    std::future::pending().await
}

/// DynamoDB removes what has expired some time later; so does this.
async fn sweep_ttl(dynamodb: DynamoDb, clock: Clock, log: Log) -> Result<()> {
    loop {
        clock.sleep(TTL_SWEEP).await;
        let dynamodb = dynamodb.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || dynamodb.sweep_ttl()).await {
            log.line("dynamodb", Level::Error, &format!("expired items cannot be removed: {error:#}"));
        }
    }
}
