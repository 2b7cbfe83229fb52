//! An operator has a parked input put back into its lane, or drops it. Whoever publishes inputs puts
//! it back: the lane has the wish recorded.

use domain::flow::OperatorRefusal;
use domain::input::OperatorCommand;
use domain::{Personal, Reason};
use eventstore::{DropRequest, Dropping, RetryRequest};
use serde_json::json;

use crate::decide::{Plan, Undecided};
use crate::lane::Lane;
use crate::operators::answered;

impl Lane {
    /// The wish is on record before the answer: whoever dies in between finds it there.
    pub(crate) async fn retry_parked_input(
        &mut self,
        command: &OperatorCommand,
        id: u64,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, company, .. } = self;
        let (at, operation) = (engine.clock.now(), command.operation_id);
        let asked = engine.store.request_retry(company, id, operation, &command.actor, at);
        let done = match asked.await? {
            RetryRequest::Requested => {
                Ok((json!({ "status": "done", "parked_input_id": id }), vec![]))
            }
            RetryRequest::NoSuchInput => Err(OperatorRefusal::UnknownParkedInput(id)),
            RetryRequest::NotRetriable => Err(OperatorRefusal::NotRetriable(id)),
        };
        Ok(answered(command, at, done))
    }

    /// It is dropped, and who did it and why is on record, before the answer: asked again, it is so.
    pub(crate) async fn drop_parked_input(
        &mut self,
        command: &OperatorCommand,
        id: u64,
        reason: &Personal<Reason>,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, company, .. } = &*self;
        let at = engine.clock.now();
        let operation_id = Some(command.operation_id);
        let dropping = Dropping { operation_id, actor: &command.actor, reason, at };
        let done = match engine.store.drop_parked(Some(company), id, &dropping).await? {
            DropRequest::Dropped | DropRequest::DroppedBefore => {
                Ok((json!({ "status": "done", "parked_input_id": id }), vec![]))
            }
            DropRequest::NoSuchInput => Err(OperatorRefusal::UnknownParkedInput(id)),
            DropRequest::RetryUnderWay => Err(OperatorRefusal::RetryUnderWay(id)),
        };
        Ok(answered(command, at, done))
    }
}
