//! The name of a decision's kind: the `kind` of its JSON.

use domain::flow::Decision;

pub(super) const fn kind(decision: &Decision) -> &'static str {
    match decision {
        Decision::Ignore { .. } => "ignore",
        Decision::Expire => "expire",
        Decision::Redirect => "redirect",
        Decision::AskForExtension => "ask_for_extension",
        Decision::ReportUserNotFound => "report_user_not_found",
        Decision::Remind { .. } => "remind",
        Decision::Join { .. } => "join",
        Decision::RecordProspect => "record_prospect",
        Decision::OpenRoom { .. } => "open_room",
        Decision::ReportNoNumber { .. } => "report_no_number",
        Decision::StopTemplates { .. } => "stop_templates",
        Decision::StartTemplates { .. } => "start_templates",
        Decision::ReportTemplatesStopped => "report_templates_stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_in_the_json() {
        let room = "6f6e626f-6172-6469-6e67-2d7768617473";
        let profile = serde_json::json!({"profile_id": room, "how": "created"});
        let all = serde_json::json!([
            {"kind": "ignore", "reason": "group"},
            {"kind": "expire"},
            {"kind": "redirect"},
            {"kind": "ask_for_extension"},
            {"kind": "report_user_not_found"},
            {"kind": "remind", "profile_id": room, "room_id": room, "form": "free_text"},
            {"kind": "join", "profile_id": room, "room_id": room, "repeat_user_info": false},
            {"kind": "record_prospect"},
            {"kind": "open_room", "profile": profile, "room_id": room, "considered": [],
             "number": {"number": "1", "pool_id": "acme_main", "step": "client_country",
                        "preference": "unused"}},
            {"kind": "report_no_number", "profile": profile, "considered": []},
            {"kind": "stop_templates", "counts": true, "confirmed": true},
            {"kind": "start_templates", "counts": true, "confirmed": false},
            {"kind": "report_templates_stopped"},
        ]);
        for json in all.as_array().unwrap() {
            let decision: Decision = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(json["kind"], kind(&decision));
        }
    }
}
