use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use super::document::Call;
use super::tracer::{Tracer, seconds};

/// Adds the calls of an AWS client to the segment of the invocation, with their retries. A presigned URL is no call.
#[derive(Debug)]
pub(crate) struct Calls {
    tracer: &'static Tracer,
}

impl Calls {
    pub(super) fn new(tracer: &'static Tracer) -> Self {
        Self { tracer }
    }
}

/// When the first attempt of a call was sent, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Sent(f64);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls of a trace"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if bag.load::<Sent>().is_none() {
            bag.interceptor_state().store_put(Sent(seconds()));
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A presigned URL has neither a response nor an error.
        let Some(result) = context.output_or_error() else { return Ok(()) };
        if let (Some(sent), Some(what)) = (bag.load::<Sent>(), bag.load::<Metadata>()) {
            self.tracer.call(|| Call {
                service: what.service().to_owned(),
                operation: what.name().to_owned(),
                start: sent.0,
                end: seconds(),
                failed: result.is_err(),
            });
        }
        Ok(())
    }
}
