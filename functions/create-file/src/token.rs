use files_api::{ApiError, CreateRequest, CreateSource, Reason};
use files_domain::{Caller, FileName, TokenFault};
use files_records::RecordsError;

use crate::CreateFile;

impl CreateFile {
    /// Checks a request with an upload token against the bounds of the token, and adds the token's metadata and webhook. The
    /// transaction that creates the file counts it for the token.
    pub(crate) async fn bounded(
        &self,
        caller: &Caller,
        request: CreateRequest,
    ) -> Result<CreateRequest, ApiError> {
        let Some(token) = caller.upload_token() else { return Ok(request) };
        let record = self.records.upload_token(caller, token).await?;
        record.authorize_create(caller.now).map_err(RecordsError::from)?;
        let CreateSource::Presigned { size, content_type, .. } = &request.source else {
            let message =
                "An upload token creates only presigned uploads: send the JSON {\"name\": …, \"size\": …}";
            return Err(ApiError::from(Reason::MissingScope).with_message(message));
        };
        if request.webhook.is_some() {
            let message = "The upload token sets the webhook of its files: leave webhook out";
            return Err(ApiError::from(Reason::MissingScope)
                .with_message(message)
                .on_field("webhook", Some(message.into())));
        }
        let by_name = request.name.as_ref().map(FileName::usual_content_type).unwrap_or_default();
        let content_type = content_type.as_deref().unwrap_or(by_name);
        record.check(*size, content_type).map_err(|fault| refused(fault, content_type))?;
        let metadata = record.metadata_with(&request.metadata).map_err(|error| {
            ApiError::from(Reason::InvalidMetadata).on_field("metadata", Some(error.to_string()))
        })?;
        Ok(CreateRequest { metadata, webhook: record.webhook, ..request })
    }
}

fn refused(fault: TokenFault, content_type: &str) -> ApiError {
    let (reason, field, message) = match fault {
        TokenFault::TooLarge(most) => {
            (Reason::FileTooLarge, "size", format!("The upload token allows files of at most {most} bytes"))
        }
        TokenFault::ContentType => (
            Reason::InvalidContentType,
            "content_type",
            format!("The upload token does not allow the type {content_type}"),
        ),
    };
    ApiError::from(reason).with_message(&message).on_field(field, Some(message))
}
