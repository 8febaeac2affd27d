use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

/// Makes the SDK retry a write of one item that conflicts with a transaction, which it does not do by default
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>).
#[derive(Debug)]
pub(crate) struct TransactionConflict;

impl ClassifyRetry for TransactionConflict {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let Some(error) = error.and_then(|error| error.as_operation_error()) else {
            return RetryAction::NoActionIndicated;
        };
        let code = (error.downcast_ref::<UpdateItemError>().and_then(ProvideErrorMetadata::code))
            .or_else(|| error.downcast_ref::<DeleteItemError>().and_then(ProvideErrorMetadata::code))
            .or_else(|| error.downcast_ref::<PutItemError>().and_then(ProvideErrorMetadata::code));
        match code {
            Some("TransactionConflictException") => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "transaction conflict"
    }
}

/// Makes the SDK retry a conditional write of an object that conflicts with another request for the same key, as S3 recommends
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
#[derive(Debug)]
pub(crate) struct ConditionalRequestConflict;

impl ClassifyRetry for ConditionalRequestConflict {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let Some(error) = error.and_then(|error| error.as_operation_error()) else {
            return RetryAction::NoActionIndicated;
        };
        let code =
            (error.downcast_ref::<PutObjectError>().and_then(ProvideErrorMetadata::code)).or_else(|| {
                error.downcast_ref::<CompleteMultipartUploadError>().and_then(ProvideErrorMetadata::code)
            });
        match code {
            Some("ConditionalRequestConflict") => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "conditional request conflict"
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::error::{ResourceNotFoundException, TransactionConflictException};
    use aws_smithy_runtime_api::client::interceptors::context::{Error, Input};
    use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;

    use super::*;

    fn context_of(error: Error) -> InterceptorContext {
        let mut context = InterceptorContext::new(Input::doesnt_matter());
        context.set_output_or_error(Err(OrchestratorError::operation(error)));
        context
    }

    fn after(error: UpdateItemError) -> RetryAction {
        TransactionConflict.classify_retry(&context_of(Error::erase(error)))
    }

    #[test]
    fn a_conditional_write_of_an_object_is_retried_only_after_a_conflict() {
        let meta = |code: &str| aws_smithy_types::error::ErrorMetadata::builder().code(code).build();
        for (code, action) in [
            ("ConditionalRequestConflict", RetryAction::transient_error()),
            ("PreconditionFailed", RetryAction::NoActionIndicated),
        ] {
            for error in [
                Error::erase(PutObjectError::generic(meta(code))),
                Error::erase(CompleteMultipartUploadError::generic(meta(code))),
            ] {
                assert_eq!(ConditionalRequestConflict.classify_retry(&context_of(error)), action, "{code}");
            }
        }
    }

    #[test]
    fn a_write_of_an_item_is_retried_only_after_a_conflict() {
        let meta = || aws_smithy_types::error::ErrorMetadata::builder();
        let conflict = TransactionConflictException::builder()
            .meta(meta().code("TransactionConflictException").build())
            .build();
        let conflict = UpdateItemError::TransactionConflictException(conflict);
        assert_eq!(after(conflict), RetryAction::transient_error());
        let missing = ResourceNotFoundException::builder()
            .meta(meta().code("ResourceNotFoundException").build())
            .build();
        let missing = UpdateItemError::ResourceNotFoundException(missing);
        assert_eq!(after(missing), RetryAction::NoActionIndicated);
    }
}
